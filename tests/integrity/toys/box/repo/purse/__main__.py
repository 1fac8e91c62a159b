import json
import sys

for line in sys.stdin:
    print(json.dumps(json.loads(line) // 2), flush=True)
