"""Buys one share of AAPL on paper and prints the answer. Usage: python3 agent.py [HOME]"""
import datetime, json, os, pathlib, sys, time

home = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
agent, kind = "pyagent", "stockbuy"
stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d%H%M%S%f")
name = f"paper_{agent}_{kind}_{stamp}.json"
order = {"agent_id": agent, "client_order_id": f"{agent}_{stamp}_{kind}", "order_type": kind, "mode": "paper",
         "payload": {"symbol": "AAPL", "qty": "1", "order_class": "market", "time_in_force": "day"}}
draft, final = home / "orders/incoming" / f".{name}", home / "orders/incoming" / name
with open(draft, "w") as file:  # under a name that the tower ignores, until every byte is on disk
    json.dump(order, file)
    file.flush()
    os.fsync(file.fileno())
os.rename(draft, final)
answer = home / "responses" / agent / "paper" / stamp[:8] / f"response_{name}"
while not answer.exists() or (reply := json.loads(answer.read_text()))["sent"] == "unknown":
    time.sleep(0.05)  # "unknown": it may have reached Alpaca; the answer changes when there is proof
print(json.dumps(reply, indent=2))
sys.exit(0 if reply["status"] == "success" else 1)
