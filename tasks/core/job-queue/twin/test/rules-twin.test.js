'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { createQueue } = require('..');

async function flush() {
  for (let round = 0; round < 10; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('twin: a running function of a cancelled job keeps its place', async () => {
  const queue = createQueue({ concurrency: 1 });
  const log = [];
  const hang = (name) => () => {
    log.push(name);
    return new Promise(() => {});
  };
  const job = queue.add(hang('a'));
  job.promise.catch(() => {});
  queue.add(hang('b'));
  job.cancel();
  await flush();
  assert.deepEqual(log, ['b', 'a', 'b']);
});

test('twin: a waiting job keeps its key', async () => {
  const queue = createQueue({ concurrency: 2, retries: 1, backoff: () => 1e9, clock: { after: () => () => {} } });
  const log = [];
  for (const name of ['a', 'b']) {
    queue.add(async () => {
      log.push(name);
      throw new Error(name);
    }, { key: 'k' });
  }
  await flush();
  assert.deepEqual(log, ['b']);
});
