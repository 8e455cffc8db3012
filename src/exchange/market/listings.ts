/**
 * The companies, funds and coins of the exchange's universe, with the levels around which their prices move.
 * Data only: no rule about what may be traded belongs here (see universe.ts).
 *
 * A line is `symbol|name|anchor price in USD|million units traded a day|notes`. Notes, in any order:
 * `O` has options, `N` not fractionable, `H` hard to borrow, `M` not marginable, `I` inactive, `2` and `3` leverage,
 * `x…` exposure to the common factor (default 1), `s…` own daily volatility in percent (default 1.3).
 */

export const NASDAQ = `
AAPL|Apple Inc. Common Stock|270|48|Ox1.1s0.9
MSFT|Microsoft Corporation Common Stock|505|22|Os0.8
NVDA|NVIDIA Corporation Common Stock|185|180|Ox1.6s1.5
AMZN|Amazon.com, Inc. Common Stock|228|42|Ox1.2s1.1
GOOGL|Alphabet Inc. Class A Common Stock|285|34|Ox1.1s1.1
GOOG|Alphabet Inc. Class C Capital Stock|286|22|Ox1.1s1.1
META|Meta Platforms, Inc. Class A Common Stock|620|14|Ox1.2s1.2
TSLA|Tesla, Inc. Common Stock|415|85|Ox1.8s2.2
AVGO|Broadcom Inc. Common Stock|345|24|Ox1.5s1.6
AMD|Advanced Micro Devices, Inc. Common Stock|225|52|Ox1.7s1.9
NFLX|Netflix, Inc. Common Stock|112|38|Os1.3
COST|Costco Wholesale Corporation Common Stock|915|2|Ox0.7s0.8
INTC|Intel Corporation Common Stock|36|95|Ox1.3s2.0
QCOM|QUALCOMM Incorporated Common Stock|170|8|Ox1.2s1.2
TXN|Texas Instruments Incorporated Common Stock|165|6|s1.2
CSCO|Cisco Systems, Inc. Common Stock|75|22|Ox0.8s0.9
ADBE|Adobe Inc. Common Stock|335|4|Os1.3
INTU|Intuit Inc. Common Stock|650|2|s1.2
AMGN|Amgen Inc. Common Stock|320|3|x0.5s1.0
PEP|PepsiCo, Inc. Common Stock|146|7|x0.5s0.8
CMCSA|Comcast Corporation Class A Common Stock|28|28|x0.7s1.1
TMUS|T-Mobile US, Inc. Common Stock|215|5|x0.5s1.0
HON|Honeywell International Inc. Common Stock|198|4|s0.8
SBUX|Starbucks Corporation Common Stock|85|9|Os1.2
GILD|Gilead Sciences, Inc. Common Stock|122|7|x0.4s1.1
ISRG|Intuitive Surgical, Inc. Common Stock|560|2|s1.2
BKNG|Booking Holdings Inc. Common Stock|5000|0.3|s1.2
ADP|Automatic Data Processing, Inc. Common Stock|256|2|x0.7s0.8
VRTX|Vertex Pharmaceuticals Incorporated Common Stock|430|1.5|x0.5s1.2
REGN|Regeneron Pharmaceuticals, Inc. Common Stock|700|1|x0.5s1.4
PANW|Palo Alto Networks, Inc. Common Stock|200|7|x1.1s1.5
CRWD|CrowdStrike Holdings, Inc. Class A Common Stock|520|3|x1.2s1.7
MU|Micron Technology, Inc. Common Stock|235|24|Ox1.5s2.1
LRCX|Lam Research Corporation Common Stock|155|11|x1.5s1.7
AMAT|Applied Materials, Inc. Common Stock|230|7|x1.4s1.6
KLAC|KLA Corporation Common Stock|1180|1|x1.4s1.6
ASML|ASML Holding N.V. New York Registry Shares|1020|1.5|x1.4s1.5
MRVL|Marvell Technology, Inc. Common Stock|88|16|x1.6s2.2
ADI|Analog Devices, Inc. Common Stock|240|4|x1.2s1.2
NXPI|NXP Semiconductors N.V. Common Stock|205|3|x1.3s1.4
ARM|Arm Holdings plc American Depositary Shares|140|6|x1.6s2.2
SMCI|Super Micro Computer, Inc. Common Stock|38|32|Ox1.6s3.0
PLTR|Palantir Technologies Inc. Class A Common Stock|172|60|Ox1.7s2.5
MSTR|Strategy Inc Class A Common Stock|210|15|Ox1.9s3.2
COIN|Coinbase Global, Inc. Class A Common Stock|275|10|Ox1.8s2.7
HOOD|Robinhood Markets, Inc. Class A Common Stock|120|30|Ox1.8s2.6
MELI|MercadoLibre, Inc. Common Stock|2080|0.5|x1.2s1.6
PDD|PDD Holdings Inc. American Depositary Shares|118|7|s1.8
JD|JD.com, Inc. American Depositary Shares|30|9|s1.6
BIDU|Baidu, Inc. American Depositary Shares|118|4|s1.9
PYPL|PayPal Holdings, Inc. Common Stock|62|14|Os1.5
MRNA|Moderna, Inc. Common Stock|25|11|x1.1s3.0
BIIB|Biogen Inc. Common Stock|172|1.6|x0.6s1.4
MDLZ|Mondelez International, Inc. Class A Common Stock|56|9|x0.4s0.9
KHC|The Kraft Heinz Company Common Stock|25|14|x0.4s0.9
KDP|Keurig Dr Pepper Inc. Common Stock|27|13|x0.4s1.0
MNST|Monster Beverage Corporation Common Stock|71|6|x0.5s1.0
MAR|Marriott International, Inc. Class A Common Stock|295|1.6|s1.0
ABNB|Airbnb, Inc. Class A Common Stock|120|4|x1.2s1.4
DASH|DoorDash, Inc. Class A Common Stock|205|5|x1.2s1.8
ROST|Ross Stores, Inc. Common Stock|172|2.5|s1.0
ORLY|O'Reilly Automotive, Inc. Common Stock|98|6|x0.6s0.9
PCAR|PACCAR Inc. Common Stock|105|2.5|s1.1
CTAS|Cintas Corporation Common Stock|185|1.8|x0.8s0.8
CSX|CSX Corporation Common Stock|35|13|x0.8s0.9
EXC|Exelon Corporation Common Stock|46|7|x0.3s0.8
AEP|American Electric Power Company, Inc. Common Stock|121|3|x0.3s0.8
XEL|Xcel Energy Inc. Common Stock|80|4|x0.3s0.8
FAST|Fastenal Company Common Stock|41|7|s1.0
ODFL|Old Dominion Freight Line, Inc. Common Stock|138|2|s1.3
PAYX|Paychex, Inc. Common Stock|112|2.5|x0.7s0.8
CDNS|Cadence Design Systems, Inc. Common Stock|310|2|x1.2s1.2
SNPS|Synopsys, Inc. Common Stock|400|2|x1.2s1.6
FTNT|Fortinet, Inc. Common Stock|82|6|x1.1s1.6
WDAY|Workday, Inc. Class A Common Stock|228|2.5|x1.1s1.4
TEAM|Atlassian Corporation Class A Common Stock|155|4|x1.2s2.0
DDOG|Datadog, Inc. Class A Common Stock|165|5|x1.3s1.9
ZS|Zscaler, Inc. Common Stock|275|2|x1.2s1.8
MDB|MongoDB, Inc. Class A Common Stock|340|2|x1.3s2.4
OKTA|Okta, Inc. Class A Common Stock|83|3|x1.1s1.8
ROKU|Roku, Inc. Class A Common Stock|100|4|x1.5s2.3
LULU|lululemon athletica inc. Common Stock|170|4|s1.8
EBAY|eBay Inc. Common Stock|84|6|s1.2
WBD|Warner Bros. Discovery, Inc. Series A Common Stock|23|45|s2.0
RIVN|Rivian Automotive, Inc. Class A Common Stock|15|35|Ox1.5s2.8
LCID|Lucid Group, Inc. Common Stock|15|14|Hx1.5s3.0
SOFI|SoFi Technologies, Inc. Common Stock|28|65|Ox1.7s2.4
AFRM|Affirm Holdings, Inc. Class A Common Stock|72|7|x1.7s2.7
UPST|Upstart Holdings, Inc. Common Stock|42|8|Hx1.7s3.4
MARA|MARA Holdings, Inc. Common Stock|13|45|Ox1.9s3.6
RIOT|Riot Platforms, Inc. Common Stock|15|28|x1.9s3.6
DKNG|DraftKings Inc. Class A Common Stock|31|12|s1.9
ZM|Zoom Communications, Inc. Class A Common Stock|84|3|s1.3
AAL|American Airlines Group Inc. Common Stock|13|55|x1.3s2.0
UAL|United Airlines Holdings, Inc. Common Stock|98|6|x1.3s1.8
JBLU|JetBlue Airways Corporation Common Stock|4.6|22|x1.4s3.0
PLUG|Plug Power, Inc. Common Stock|2.2|95|Hx1.5s4.0
TLRY|Tilray Brands, Inc. Common Stock|1.1|40|NHx1.2s4.0
OPEN|Opendoor Technologies Inc. Common Stock|7.5|120|Hx1.6s5.0
GRAB|Grab Holdings Limited Class A Ordinary Shares|5.6|38|s1.9
WKHS|Workhorse Group Inc. Common Stock|1.05|2|NHMs5.0
SNDL|SNDL Inc. Common Shares|0.82|6|NHMs4.0
MULN|Mullen Automotive, Inc. Common Stock|0.31|9|NHMIs5.0
TQQQ|ProShares UltraPro QQQ|105|65|O3x3s0.2
SQQQ|ProShares UltraPro Short QQQ|68|45|3x-3s0.2
QQQ|Invesco QQQ Trust, Series 1|610|50|Ox1.15s0.15
QQQM|Invesco NASDAQ 100 ETF|250|3|x1.15s0.15
TLT|iShares 20+ Year Treasury Bond ETF|90|38|Ox-0.1s0.7
IEF|iShares 7-10 Year Treasury Bond ETF|97|7|x-0.1s0.35
SHY|iShares 1-3 Year Treasury Bond ETF|83|4|x0s0.1
IBIT|iShares Bitcoin Trust ETF|55|55|Ox1.4s2.2
BND|Vanguard Total Bond Market ETF|74|6|x0s0.3
SOXX|iShares Semiconductor ETF|290|5|x1.6s0.8
NDAQ|Nasdaq, Inc. Common Stock|88|3|s0.9
`;

export const NYSE = `
JPM|JPMorgan Chase & Co. Common Stock|305|9|Os0.9
BAC|Bank of America Corporation Common Stock|53|38|Os1.0
WFC|Wells Fargo & Company Common Stock|86|14|s1.1
C|Citigroup Inc. Common Stock|101|14|Os1.2
GS|The Goldman Sachs Group, Inc. Common Stock|790|2|x1.2s1.0
MS|Morgan Stanley Common Stock|163|6|x1.2s1.0
BLK|BlackRock, Inc. Common Stock|1050|0.7|x1.1s0.9
SCHW|The Charles Schwab Corporation Common Stock|95|9|s1.1
AXP|American Express Company Common Stock|360|2.5|x1.1s1.0
V|Visa Inc. Class A Common Stock|330|6|Ox0.8s0.8
MA|Mastercard Incorporated Class A Common Stock|545|3|x0.8s0.8
BRK.B|Berkshire Hathaway Inc. Class B Common Stock|505|5|x0.6s0.6
BRK.A|Berkshire Hathaway Inc. Class A Common Stock|757000|0.0004|Nx0.6s0.6
UNH|UnitedHealth Group Incorporated Common Stock|325|8|Ox0.6s1.5
JNJ|Johnson & Johnson Common Stock|200|8|x0.4s0.8
PFE|Pfizer Inc. Common Stock|25|50|Ox0.5s1.0
MRK|Merck & Co., Inc. Common Stock|95|12|x0.4s1.1
LLY|Eli Lilly and Company Common Stock|1010|3.5|x0.6s1.4
ABBV|AbbVie Inc. Common Stock|232|5|x0.4s1.0
ABT|Abbott Laboratories Common Stock|128|6|x0.6s0.8
TMO|Thermo Fisher Scientific Inc. Common Stock|575|1.7|x0.7s1.1
DHR|Danaher Corporation Common Stock|225|3.5|x0.7s1.1
BMY|Bristol-Myers Squibb Company Common Stock|47|14|x0.4s1.1
CVS|CVS Health Corporation Common Stock|78|8|x0.5s1.3
WMT|Walmart Inc. Common Stock|104|18|Ox0.5s0.9
HD|The Home Depot, Inc. Common Stock|360|4|x0.8s0.9
LOW|Lowe's Companies, Inc. Common Stock|235|3|x0.8s1.0
TGT|Target Corporation Common Stock|90|7|s1.5
NKE|NIKE, Inc. Class B Common Stock|65|13|s1.4
MCD|McDonald's Corporation Common Stock|308|3|x0.4s0.7
KO|The Coca-Cola Company Common Stock|71|16|Ox0.4s0.6
PG|The Procter & Gamble Company Common Stock|148|8|x0.4s0.7
PM|Philip Morris International Inc. Common Stock|152|6|x0.4s1.0
MO|Altria Group, Inc. Common Stock|58|9|x0.4s0.8
CL|Colgate-Palmolive Company Common Stock|79|6|x0.4s0.8
DIS|The Walt Disney Company Common Stock|105|10|Os1.1
XOM|Exxon Mobil Corporation Common Stock|117|15|Ox0.7s1.0
CVX|Chevron Corporation Common Stock|151|8|x0.7s1.0
COP|ConocoPhillips Common Stock|89|7|x0.9s1.3
SLB|SLB Limited Common Stock|36|15|s1.5
OXY|Occidental Petroleum Corporation Common Stock|42|11|s1.3
HAL|Halliburton Company Common Stock|27|11|s1.5
BA|The Boeing Company Common Stock|190|9|Ox1.1s1.5
CAT|Caterpillar Inc. Common Stock|560|3.5|x1.1s1.2
DE|Deere & Company Common Stock|475|1.5|s1.2
GE|GE Aerospace Common Stock|300|5|x1.1s1.1
GEV|GE Vernova Inc. Common Stock|575|3|x1.4s1.8
LMT|Lockheed Martin Corporation Common Stock|465|1.4|x0.3s1.0
RTX|RTX Corporation Common Stock|173|5|x0.6s0.9
NOC|Northrop Grumman Corporation Common Stock|570|0.9|x0.3s1.0
MMM|3M Company Common Stock|168|3|s1.0
UPS|United Parcel Service, Inc. Class B Common Stock|94|7|s1.2
FDX|FedEx Corporation Common Stock|270|1.7|s1.3
UNP|Union Pacific Corporation Common Stock|222|3.5|x0.8s0.8
F|Ford Motor Company Common Stock|13|65|Os1.4
GM|General Motors Company Common Stock|70|10|s1.5
UBER|Uber Technologies, Inc. Common Stock|90|17|Ox1.2s1.5
SNAP|Snap Inc. Class A Common Stock|8.2|50|Ox1.4s2.6
PINS|Pinterest, Inc. Class A Common Stock|26|13|x1.2s1.9
SPOT|Spotify Technology S.A. Ordinary Shares|610|1.8|x1.1s1.6
SHOP|Shopify Inc. Class A Subordinate Voting Shares|150|8|Ox1.6s2.0
CRM|Salesforce, Inc. Common Stock|232|8|Ox1.1s1.3
ORCL|Oracle Corporation Common Stock|215|20|Ox1.4s2.0
NOW|ServiceNow, Inc. Common Stock|830|1.5|x1.1s1.3
IBM|International Business Machines Corporation Common Stock|302|4|x0.8s1.1
ACN|Accenture plc Class A Ordinary Shares|245|4|x0.9s1.1
SNOW|Snowflake Inc. Common Stock|245|4|x1.3s2.0
NET|Cloudflare, Inc. Class A Common Stock|200|4|x1.4s2.1
TWLO|Twilio Inc. Class A Common Stock|125|2.5|x1.2s2.0
DELL|Dell Technologies Inc. Class C Common Stock|130|7|x1.4s1.9
HPQ|HP Inc. Common Stock|24|11|s1.2
HPE|Hewlett Packard Enterprise Company Common Stock|22|18|x1.2s1.5
T|AT&T Inc. Common Stock|26|40|Ox0.4s0.8
VZ|Verizon Communications Inc. Common Stock|41|22|x0.4s0.8
NEE|NextEra Energy, Inc. Common Stock|84|9|x0.4s1.1
DUK|Duke Energy Corporation Common Stock|123|3.5|x0.3s0.7
SO|The Southern Company Common Stock|90|5|x0.3s0.7
D|Dominion Energy, Inc. Common Stock|61|4|x0.3s0.8
AMT|American Tower Corporation Common Stock|180|3|x0.5s1.0
PLD|Prologis, Inc. Common Stock|125|3.5|x0.9s1.0
O|Realty Income Corporation Common Stock|57|5|x0.5s0.7
SPG|Simon Property Group, Inc. Common Stock|183|1.5|x0.9s0.9
LIN|Linde plc Ordinary Shares|410|2|x0.7s0.8
SHW|The Sherwin-Williams Company Common Stock|335|1.8|x0.9s1.0
FCX|Freeport-McMoRan Inc. Common Stock|41|17|x1.2s1.8
NEM|Newmont Corporation Common Stock|88|10|x0.4s2.0
NUE|Nucor Corporation Common Stock|150|1.7|x1.1s1.4
DOW|Dow Inc. Common Stock|23|14|s1.8
AA|Alcoa Corporation Common Stock|38|6|x1.3s2.2
CLF|Cleveland-Cliffs Inc. Common Stock|12|22|x1.3s2.8
X|United States Steel Corporation Common Stock|54.8|3|Is0.5
DAL|Delta Air Lines, Inc. Common Stock|60|9|x1.3s1.6
LUV|Southwest Airlines Co. Common Stock|33|8|x1.1s1.5
CCL|Carnival Corporation Common Stock|27|22|Ox1.4s1.8
RCL|Royal Caribbean Cruises Ltd. Common Stock|265|2.5|x1.4s1.7
NCLH|Norwegian Cruise Line Holdings Ltd. Ordinary Shares|19|15|x1.4s2.1
HLT|Hilton Worldwide Holdings Inc. Common Stock|275|1.6|s0.9
CMG|Chipotle Mexican Grill, Inc. Common Stock|32|22|s1.5
YUM|Yum! Brands, Inc. Common Stock|148|1.8|x0.5s0.9
BABA|Alibaba Group Holding Limited American Depositary Shares|158|15|Ox1.0s2.0
TSM|Taiwan Semiconductor Manufacturing Company Ltd. American Depositary Shares|288|12|Ox1.4s1.5
NVO|Novo Nordisk A/S American Depositary Shares|48|18|x0.6s1.8
NIO|NIO Inc. American Depositary Shares|6.2|55|Os2.8
XPEV|XPeng Inc. American Depositary Shares|22|10|s2.8
SE|Sea Limited American Depositary Shares|140|5|x1.2s2.0
VALE|Vale S.A. American Depositary Shares|12|35|x0.9s1.5
PBR|Petroleo Brasileiro S.A. American Depositary Shares|13|20|x0.7s1.6
NU|Nu Holdings Ltd. Class A Ordinary Shares|16|38|x1.1s1.6
RBLX|Roblox Corporation Class A Common Stock|95|10|x1.3s2.4
GME|GameStop Corp. Class A Common Stock|21|8|Ox0.9s2.4
AMC|AMC Entertainment Holdings, Inc. Class A Common Stock|2.3|22|Hx1.3s3.2
BB|BlackBerry Limited Common Shares|4.1|9|x1.2s2.5
CHWY|Chewy, Inc. Class A Common Stock|34|6|s1.8
W|Wayfair Inc. Class A Common Stock|100|4|x1.6s3.0
CVNA|Carvana Co. Class A Common Stock|330|3.5|x1.7s2.8
ELF|e.l.f. Beauty, Inc. Common Stock|75|4|x1.2s2.8
DG|Dollar General Corporation Common Stock|102|3|x0.4s1.4
KR|The Kroger Co. Common Stock|66|5|x0.4s0.9
SYY|Sysco Corporation Common Stock|75|3|x0.5s0.8
MDT|Medtronic plc Ordinary Shares|100|6|x0.6s0.9
BSX|Boston Scientific Corporation Common Stock|100|6|x0.6s0.9
SYK|Stryker Corporation Common Stock|370|1.4|x0.7s0.8
ELV|Elevance Health, Inc. Common Stock|330|1.6|x0.5s1.5
CI|The Cigna Group Common Stock|272|1.6|x0.5s1.3
HCA|HCA Healthcare, Inc. Common Stock|475|1.1|x0.6s1.2
MET|MetLife, Inc. Common Stock|77|3.5|s0.9
PRU|Prudential Financial, Inc. Common Stock|106|1.8|s0.9
AIG|American International Group, Inc. Common Stock|77|4|x0.6s0.8
PGR|The Progressive Corporation Common Stock|222|3|x0.3s1.1
CB|Chubb Limited Common Stock|295|1.6|x0.3s0.8
USB|U.S. Bancorp Common Stock|48|9|s1.0
PNC|The PNC Financial Services Group, Inc. Common Stock|187|2|s1.0
TFC|Truist Financial Corporation Common Stock|46|8|s1.0
COF|Capital One Financial Corporation Common Stock|218|3.5|x1.2s1.3
BX|Blackstone Inc. Common Stock|145|4.5|x1.4s1.3
KKR|KKR & Co. Inc. Common Stock|120|4.5|x1.5s1.5
ENB|Enbridge Inc. Common Stock|48|4.5|x0.5s0.7
KMI|Kinder Morgan, Inc. Common Stock|27|13|x0.6s0.9
EPD|Enterprise Products Partners L.P. Common Units|31|4|x0.5s0.7
ET|Energy Transfer LP Common Units|16.7|13|x0.5s0.9
WMB|The Williams Companies, Inc. Common Stock|60|7|x0.6s1.0
`;

export const ARCA = `
SPY|SPDR S&P 500 ETF Trust|670|75|Ox1s0.05
IVV|iShares Core S&P 500 ETF|673|6|x1s0.05
VOO|Vanguard S&P 500 ETF|616|7|x1s0.05
VTI|Vanguard Total Stock Market ETF|329|3.5|x1s0.1
DIA|SPDR Dow Jones Industrial Average ETF Trust|470|4|Ox0.85s0.2
IWM|iShares Russell 2000 ETF|240|35|Ox1.2s0.5
EFA|iShares MSCI EAFE ETF|95|15|x0.8s0.4
EEM|iShares MSCI Emerging Markets ETF|54|32|Ox0.9s0.6
VEA|Vanguard FTSE Developed Markets ETF|61|12|x0.8s0.4
VWO|Vanguard FTSE Emerging Markets ETF|54|9|x0.8s0.6
GLD|SPDR Gold Shares|380|11|Ox0.1s1.0
SLV|iShares Silver Trust|46|25|Ox0.2s1.8
USO|United States Oil Fund, LP|70|4|x0.4s1.8
UNG|United States Natural Gas Fund, LP|13.5|9|x0.1s3.0
GDX|VanEck Gold Miners ETF|76|20|Ox0.3s2.0
XLK|The Technology Select Sector SPDR Fund|285|6|x1.25s0.3
XLF|The Financial Select Sector SPDR Fund|53|38|Ox0.9s0.4
XLE|The Energy Select Sector SPDR Fund|90|14|x0.7s0.9
XLV|The Health Care Select Sector SPDR Fund|150|9|x0.5s0.6
XLI|The Industrial Select Sector SPDR Fund|152|8|x0.9s0.3
XLP|The Consumer Staples Select Sector SPDR Fund|77|13|x0.4s0.5
XLY|The Consumer Discretionary Select Sector SPDR Fund|233|4|x1.1s0.5
XLU|The Utilities Select Sector SPDR Fund|88|11|x0.4s0.7
XLB|The Materials Select Sector SPDR Fund|86|5|x0.8s0.6
XLC|The Communication Services Select Sector SPDR Fund|113|5|x1s0.4
SMH|VanEck Semiconductor ETF|340|8|Ox1.6s0.8
ARKK|ARK Innovation ETF|78|9|Ox1.7s1.4
HYG|iShares iBoxx $ High Yield Corporate Bond ETF|80|40|x0.3s0.2
LQD|iShares iBoxx $ Investment Grade Corporate Bond ETF|111|28|x0.1s0.35
AGG|iShares Core U.S. Aggregate Bond ETF|100|9|x0s0.3
VNQ|Vanguard Real Estate ETF|90|4|x0.7s0.6
SCHD|Schwab US Dividend Equity ETF|27|15|x0.7s0.4
VUG|Vanguard Growth ETF|480|1.2|x1.15s0.3
VTV|Vanguard Value ETF|187|2|x0.8s0.3
RSP|Invesco S&P 500 Equal Weight ETF|188|8|x0.9s0.2
SSO|ProShares Ultra S&P500|57|4|2x2s0.1
QLD|ProShares Ultra QQQ|70|4|2x2.3s0.2
UPRO|ProShares UltraPro S&P500|113|6|3x3s0.1
SPXU|ProShares UltraPro Short S&P500|50|9|3x-3s0.1
SPXL|Direxion Daily S&P 500 Bull 3X Shares|210|3|3x3s0.1
SOXL|Direxion Daily Semiconductor Bull 3X Shares|40|90|O3x3.4s1.4
SOXS|Direxion Daily Semiconductor Bear 3X Shares|38|30|3x-3.4s1.4
TNA|Direxion Daily Small Cap Bull 3X Shares|45|11|3x3s1.0
UVXY|ProShares Ultra VIX Short-Term Futures ETF|38|13|H2x-3s2.5
VXX|iPath Series B S&P 500 VIX Short-Term Futures ETN|33|9|HMx-2.2s2.2
`;

export const AMEX = `
IMO|Imperial Oil Limited Common Stock|95|0.5|x0.6s1.1
UEC|Uranium Energy Corp. Common Stock|12.5|16|x1.3s3.0
EQX|Equinox Gold Corp. Common Shares|12|14|x0.5s2.5
`;

export const OTC = `
NSRGY|Nestle S.A. American Depositary Receipts|99|1.2|NHMx0.4s0.8
RHHBY|Roche Holding AG American Depositary Receipts|44|1.5|NHMx0.4s1.0
TCEHY|Tencent Holdings Limited American Depositary Receipts|82|2|NHMx0.7s1.5
`;

/** Coins: `symbol|name|anchor price in USD|million USD traded a day|exposure|own daily volatility in percent|quotes`. */
export const COINS = `
BTC|Bitcoin|95000|120|1|0.5|USD USDT USDC
ETH|Ethereum|3150|90|1.25|1.0|USD USDT USDC BTC
SOL|Solana|145|40|1.35|1.8|USD USDT USDC BTC
XRP|Ripple|2.25|35|1.1|1.9|USD USDT USDC
DOGE|Dogecoin|0.16|18|1.4|2.2|USD USDT USDC
LTC|Litecoin|98|8|1.05|1.5|USD USDT USDC BTC
BCH|Bitcoin Cash|510|7|1.05|1.7|USD USDT USDC BTC
LINK|Chainlink|14.2|9|1.3|2.0|USD USDT USDC BTC
AVAX|Avalanche|15.5|8|1.35|2.1|USD USDT USDC
DOT|Polkadot|2.9|4|1.25|2.1|USD USDC
UNI|Uniswap|7.4|5|1.3|2.4|USD USDT USDC BTC
AAVE|Aave|180|5|1.35|2.3|USD USDT USDC
SHIB|Shiba Inu|0.0000091|4|1.4|2.4|USD USDT USDC
PEPE|Pepe|0.0000051|4|1.6|3.2|USD
CRV|Curve DAO|0.46|2|1.3|2.8|USD USDC
GRT|The Graph|0.061|1|1.3|2.5|USD USDC
BAT|Basic Attention Token|0.19|1|1.1|2.3|USD USDC
SUSHI|SushiSwap|0.47|1|1.3|2.8|USD USDT USDC
XTZ|Tezos|0.56|1|1.2|2.2|USD USDC
YFI|yearn.finance|4400|1|1.2|2.3|USD USDT USDC
TRUMP|OFFICIAL TRUMP|7.6|3|1.5|3.4|USD
PAXG|PAX Gold|4080|2|0.05|0.9|USD
USDT|Tether|1|90|0|0.02|USD
USDC|USD Coin|1|70|0|0.01|USD
`;
