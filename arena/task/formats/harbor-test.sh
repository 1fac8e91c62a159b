#!/bin/bash
# Runs the tests of a task and rewards it where each that is expected was seen to pass.
cp -r /tests/files/. /app/ 2>/dev/null
bash /tests/run.sh > /tmp/arena-tests.out 2>&1
cat /tmp/arena-tests.out
reward=1
while read -r id; do
  grep -qxF -- "PASSED $id" /tmp/arena-tests.out || reward=0
done < /tests/expected.txt
mkdir -p /logs/verifier && echo $reward > /logs/verifier/reward.txt
