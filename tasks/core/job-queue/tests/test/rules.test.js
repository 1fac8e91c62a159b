'use strict';

const { describe, it } = require('node:test');
const assert = require('node:assert/strict');
const { createQueue, createManualClock } = require('..');

async function flush() {
  for (let round = 0; round < 10; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

function setUp(options = {}) {
  const clock = createManualClock();
  const queue = createQueue({ concurrency: 1, backoff: () => 100, clock, ...options });
  const log = [];
  const open = new Map();
  const jobs = {};
  const ended = {};
  const s = {
    queue,
    log,
    jobs,
    ended,
    running: () => [...open.keys()].sort(),
    async add(name, jobOptions) {
      const job = queue.add(({ attempt }) => {
        log.push(`${name}${attempt}`);
        return new Promise((resolve, reject) => open.set(name, { resolve, reject }));
      }, jobOptions);
      jobs[name] = job;
      ended[name] = 'pending';
      job.promise.then(
        (value) => { ended[name] = value; },
        (error) => { ended[name] = error.name === 'CancelledError' ? 'cancelled' : error.message; },
      );
      await flush();
    },
    async settle(name, how, value) {
      assert.ok(open.has(name), `${name} should be running, there is: ${s.running()}`);
      const { [how]: call } = open.get(name);
      open.delete(name);
      call(value);
      await flush();
    },
    end: (name, value = 'ok') => s.settle(name, 'resolve', value),
    fail: (name, message = 'broken') => s.settle(name, 'reject', new Error(message)),
    async cancel(...names) {
      for (const name of names) jobs[name].cancel();
      await flush();
    },
    async pass(ms) {
      clock.advance(ms);
      await flush();
    },
    idle() {
      const seen = { now: false };
      queue.idle().then(() => { seen.now = true; });
      return seen;
    },
  };
  return s;
}

describe('a running function of a cancelled job', () => {
  it('keeps its place', async () => {
    const s = setUp({ concurrency: 2 });
    for (const name of ['a', 'b', 'c', 'd']) await s.add(name);
    await s.cancel('a', 'b');
    assert.deepEqual([s.ended.a, s.ended.b], ['cancelled', 'cancelled']);
    assert.deepEqual(s.running(), ['a', 'b']);
    assert.deepEqual(s.queue.stats(), { queued: 2, running: 2, waiting: 0 });
    await s.end('b');
    assert.deepEqual(s.running(), ['a', 'c']);
    await s.fail('a');
    assert.deepEqual(s.running(), ['c', 'd']);
    await s.end('c');
    await s.end('d');
    assert.deepEqual(s.queue.stats(), { queued: 0, running: 0, waiting: 0 });
    assert.deepEqual(s.log, ['a1', 'b1', 'c1', 'd1']);
  });

  it('keeps its key', async () => {
    const s = setUp({ concurrency: 3 });
    await s.add('a', { key: 'k' });
    await s.add('b', { key: 'k' });
    await s.add('other');
    await s.cancel('a');
    assert.deepEqual(s.running(), ['a', 'other']);
    await s.fail('a');
    assert.deepEqual(s.running(), ['b', 'other']);
    assert.equal(s.ended.a, 'cancelled');
  });

  it('keeps the queue from being idle', async () => {
    const s = setUp();
    await s.add('a');
    await s.cancel('a');
    const idle = s.idle();
    await flush();
    assert.equal(idle.now, false);
    await s.end('a');
    assert.equal(idle.now, true);
  });

  it('is not called again, whatever it comes to', async () => {
    const s = setUp({ concurrency: 2, retries: 3 });
    await s.add('a', { key: 'k' });
    await s.add('b', { key: 'l' });
    await s.cancel('a', 'b');
    await s.fail('a');
    await s.end('b');
    await s.pass(10_000);
    assert.deepEqual(s.log, ['a1', 'b1']);
    assert.deepEqual([s.jobs.a.state, s.jobs.b.state], ['cancelled', 'cancelled']);
    assert.deepEqual(s.queue.stats(), { queued: 0, running: 0, waiting: 0 });
    await s.add('c', { key: 'k' });
    assert.deepEqual(s.running(), ['c']);
  });

  it('may be that of a second attempt', async () => {
    const s = setUp({ retries: 1 });
    await s.add('a', { key: 'k' });
    await s.fail('a');
    await s.pass(100);
    await s.add('b', { key: 'k' });
    await s.cancel('a');
    assert.deepEqual(s.running(), ['a']);
    await s.fail('a');
    assert.deepEqual(s.log, ['a1', 'a2', 'b1']);
  });
});

describe('a waiting job', () => {
  it('keeps its key, and goes before younger ones', async () => {
    const s = setUp({ concurrency: 2, retries: 2 });
    await s.add('old', { key: 'k' });
    await s.add('young', { key: 'k', priority: 9 });
    await s.fail('old');
    assert.deepEqual(s.running(), []);
    await s.pass(100);
    await s.fail('old');
    await s.pass(100);
    assert.deepEqual(s.running(), ['old']);
    await s.end('old', 'at last');
    assert.deepEqual(s.log, ['old1', 'old2', 'old3', 'young1']);
    assert.equal(s.ended.old, 'at last');
  });

  it('does not use up concurrency', async () => {
    const s = setUp({ retries: 1 });
    await s.add('a', { key: 'k' });
    await s.add('b', { key: 'k' });
    await s.add('c', { key: 'l' });
    await s.add('d');
    await s.fail('a');
    assert.deepEqual(s.running(), ['c']);
    assert.deepEqual(s.queue.stats(), { queued: 2, running: 1, waiting: 1 });
    await s.end('c');
    await s.pass(100);
    assert.deepEqual(s.running(), ['d']);
    await s.end('d');
    assert.deepEqual(s.running(), ['a']);
    await s.end('a');
    assert.deepEqual(s.running(), ['b']);
  });

  it('keeps the queue from being idle until it is over', async () => {
    const s = setUp({ retries: 1 });
    await s.add('a');
    const early = s.idle();
    await s.fail('a');
    const late = s.idle();
    await flush();
    assert.deepEqual([early.now, late.now], [false, false]);
    await s.pass(100);
    assert.deepEqual([early.now, late.now], [false, false]);
    await s.end('a');
    assert.deepEqual([early.now, late.now], [true, true]);
  });

  it('gives its key away when it is cancelled', async () => {
    const s = setUp({ concurrency: 2, retries: 1 });
    await s.add('a', { key: 'k' });
    await s.add('b', { key: 'k' });
    await s.fail('a');
    await s.cancel('a');
    assert.equal(s.ended.a, 'cancelled');
    assert.deepEqual(s.running(), ['b']);
    assert.deepEqual(s.queue.stats(), { queued: 0, running: 1, waiting: 0 });
    const idle = s.idle();
    await s.end('b');
    assert.equal(idle.now, true);
    await s.pass(1000);
    assert.deepEqual(s.log, ['a1', 'b1']);
  });

  it('leaves an idle queue when it is cancelled', async () => {
    const s = setUp({ retries: 1 });
    await s.add('a', { key: 'k' });
    await s.fail('a');
    const idle = s.idle();
    await s.cancel('a');
    assert.equal(idle.now, true);
    await s.add('b', { key: 'k' });
    assert.deepEqual(s.running(), ['b']);
  });

  it('keeps its key when a queued one is cancelled', async () => {
    const s = setUp({ concurrency: 2, retries: 1 });
    await s.add('a', { key: 'k' });
    await s.add('b', { key: 'k' });
    await s.add('c', { key: 'k' });
    await s.fail('a');
    await s.cancel('b');
    assert.deepEqual(s.running(), []);
    await s.pass(100);
    assert.deepEqual(s.running(), ['a']);
    await s.end('a');
    assert.deepEqual(s.running(), ['c']);
  });

  it('is not called while the queue is paused', async () => {
    const s = setUp({ retries: 1 });
    await s.add('a', { key: 'k' });
    await s.add('b', { key: 'k', priority: 3 });
    await s.fail('a');
    s.queue.pause();
    await s.pass(500);
    const idle = s.idle();
    await flush();
    assert.deepEqual(s.running(), []);
    assert.equal(idle.now, false);
    s.queue.resume();
    await flush();
    assert.deepEqual(s.running(), ['a']);
    await s.end('a');
    assert.deepEqual(s.running(), ['b']);
  });

  it('can be cancelled when its delay is over', async () => {
    const s = setUp({ retries: 1 });
    await s.add('a', { key: 'k' });
    await s.add('b', { key: 'k' });
    await s.add('busy');
    await s.fail('a');
    assert.deepEqual(s.running(), ['busy']);
    await s.pass(100);
    await s.cancel('a');
    await s.end('busy');
    assert.deepEqual(s.running(), ['b']);
    await s.end('b');
    assert.deepEqual(s.log, ['a1', 'busy1', 'b1']);
    assert.deepEqual(s.queue.stats(), { queued: 0, running: 0, waiting: 0 });
  });
});

describe('attempts after the first', () => {
  it('start by priority, then by age', async () => {
    const s = setUp({ concurrency: 1, retries: 1 });
    await s.add('old');
    await s.fail('old');
    await s.add('busy');
    await s.add('young');
    await s.add('urgent', { priority: 1 });
    await s.pass(100);
    await s.end('busy');
    await s.end('urgent');
    await s.end('old');
    await s.end('young');
    assert.deepEqual(s.log, ['old1', 'busy1', 'urgent1', 'old2', 'young1']);
  });

  it('are not made for a last error', async () => {
    const s = setUp({ concurrency: 1 });
    await s.add('a', { retries: 1, key: 'k' });
    await s.add('b', { key: 'k' });
    await s.fail('a', 'one');
    await s.pass(100);
    await s.fail('a', 'two');
    assert.equal(s.ended.a, 'two');
    assert.deepEqual(s.running(), ['b']);
    await s.fail('b', 'only');
    assert.equal(s.ended.b, 'only');
    assert.deepEqual(s.queue.stats(), { queued: 0, running: 0, waiting: 0 });
  });
});
