#!/bin/sh
# Buys 0.001 bitcoin on paper and prints the answer. Usage: sh agent.sh [HOME]
set -eu
home=${1:-.} agent=shagent type=cryptobuy
stamp=$(date -u +%Y%m%d%H%M%S)$(printf %06d $(($$ % 1000000)))
name=paper_${agent}_${type}_$stamp.json
incoming=$home/orders/incoming
cat > "$incoming/.$name" <<JSON
{"agent_id": "$agent", "client_order_id": "${agent}_${stamp}_$type", "order_type": "$type", "mode": "paper",
 "payload": {"symbol": "BTC/USD", "qty": "0.001", "order_class": "market", "time_in_force": "gtc"}}
JSON
mv "$incoming/.$name" "$incoming/$name"
answer=$home/responses/$agent/paper/$(printf %.8s "$stamp")/response_$name
until [ -f "$answer" ] && ! grep -q '"sent": *"unknown"' "$answer"; do sleep 0.1; done
cat "$answer"
grep -q '"status": *"success"' "$answer"
