'use strict';

const { describe, it } = require('node:test');
const assert = require('node:assert/strict');
const { createQueue, createManualClock } = require('..');
const { flush, createStage, watch } = require('./support');

describe('queue', () => {
  it('runs as many jobs at a time as it may', async () => {
    const queue = createQueue({ concurrency: 2 });
    const stage = createStage();
    for (const name of ['a', 'b', 'c']) queue.add(stage.fn(name));
    await flush();
    assert.deepEqual(stage.running(), ['a', 'b']);
    assert.deepEqual(queue.stats(), { queued: 1, running: 2, waiting: 0 });
    await stage.end('a');
    assert.deepEqual(stage.running(), ['b', 'c']);
  });

  it('goes by priority, then by age', async () => {
    const queue = createQueue({ concurrency: 1 });
    const stage = createStage();
    queue.add(stage.fn('first'));
    queue.add(stage.fn('low'), { priority: -1 });
    queue.add(stage.fn('old'));
    queue.add(stage.fn('new'));
    queue.add(stage.fn('high'), { priority: 5 });
    await flush();
    for (const name of ['first', 'high', 'old', 'new', 'low']) await stage.end(name);
    assert.deepEqual(stage.log, ['first', 'high', 'old', 'new', 'low']);
  });

  it('runs jobs with one key one by one', async () => {
    const queue = createQueue({ concurrency: 3 });
    const stage = createStage();
    queue.add(stage.fn('k1'), { key: 'k' });
    queue.add(stage.fn('k2'), { key: 'k', priority: 1 });
    queue.add(stage.fn('k3'), { key: 'k', priority: 9 });
    queue.add(stage.fn('x'));
    await flush();
    assert.deepEqual(stage.running(), ['k1', 'x']);
    await stage.end('k1');
    assert.deepEqual(stage.running(), ['k2', 'x']);
  });

  it('settles promises', async () => {
    const queue = createQueue();
    const stage = createStage();
    const good = watch(queue.add(stage.fn('good')).promise);
    const bad = watch(queue.add(stage.fn('bad')).promise);
    const worse = watch(queue.add(() => {
      throw new Error('at once');
    }).promise);
    await flush();
    await stage.end('good', 7);
    await stage.fail('bad');
    assert.deepEqual(good, { state: 'resolved', value: 7 });
    assert.equal(bad.error.message, 'bad failed');
    assert.equal(worse.error.message, 'at once');
  });

  it('is idle when all is done', async () => {
    const queue = createQueue();
    const stage = createStage();
    await queue.idle();
    queue.add(stage.fn('a'));
    queue.add(stage.fn('b'));
    const idle = watch(queue.idle());
    await flush();
    await stage.end('a');
    assert.equal(idle.state, 'pending');
    await stage.end('b');
    assert.equal(idle.state, 'resolved');
  });

  it('starts nothing while it is paused', async () => {
    const queue = createQueue({ concurrency: 2 });
    const stage = createStage();
    queue.pause();
    queue.add(stage.fn('a'));
    await flush();
    assert.deepEqual(stage.running(), []);
    queue.resume();
    await flush();
    assert.deepEqual(stage.running(), ['a']);
  });

  it('refuses to run nothing', () => {
    assert.throws(() => createQueue({ concurrency: 0 }), RangeError);
  });
});

describe('retries', () => {
  it('come after growing delays', async () => {
    const clock = createManualClock();
    const queue = createQueue({ clock, retries: 2 });
    const stage = createStage();
    const job = queue.add(stage.fn('a'));
    const seen = watch(job.promise);
    await flush();
    await stage.fail('a');
    assert.equal(job.state, 'waiting');
    clock.advance(99);
    await flush();
    assert.deepEqual(stage.log, ['a']);
    clock.advance(1);
    await flush();
    await stage.fail('a');
    clock.advance(200);
    await flush();
    await stage.fail('a', 'last');
    assert.deepEqual(stage.log, ['a', 'a2', 'a3']);
    assert.equal(seen.error.message, 'last');
    assert.equal(job.state, 'failed');
  });

  it('leave their place to others', async () => {
    const queue = createQueue({ clock: createManualClock(), retries: 1 });
    const stage = createStage();
    queue.add(stage.fn('a'));
    queue.add(stage.fn('b'));
    await flush();
    await stage.fail('a');
    assert.deepEqual(stage.running(), ['b']);
  });
});

describe('cancelling', () => {
  it('rejects at once', async () => {
    const queue = createQueue();
    const stage = createStage();
    const running = queue.add(stage.fn('running'));
    const queued = queue.add(stage.fn('queued'));
    const seen = [watch(running.promise), watch(queued.promise)];
    await flush();
    const { aborted } = stage.signal('running');
    assert.equal(aborted, false);
    assert.equal(queued.cancel('late'), true);
    assert.equal(running.cancel(), true);
    assert.equal(running.cancel(), false);
    assert.equal(stage.signal('running').aborted, true);
    await flush();
    assert.deepEqual(seen.map(({ error }) => error.name), ['CancelledError', 'CancelledError']);
    assert.equal(seen[1].error.reason, 'late');
    assert.deepEqual(stage.log, ['running']);
  });

  it('ends retries', async () => {
    const clock = createManualClock();
    const queue = createQueue({ clock, retries: 3 });
    const stage = createStage();
    const job = queue.add(stage.fn('a'));
    watch(job.promise);
    await flush();
    await stage.fail('a');
    job.cancel();
    clock.advance(10_000);
    await flush();
    assert.deepEqual(stage.log, ['a']);
    assert.equal(job.state, 'cancelled');
  });

  it('can be left to a signal', async () => {
    const queue = createQueue();
    const stage = createStage();
    const controller = new AbortController();
    const seen = watch(queue.add(stage.fn('a'), { signal: controller.signal }).promise);
    const late = watch(queue.add(stage.fn('b'), { signal: AbortSignal.abort('never') }).promise);
    await flush();
    controller.abort('enough');
    await flush();
    assert.equal(seen.error.reason, 'enough');
    assert.equal(late.error.reason, 'never');
    assert.deepEqual(stage.log, ['a']);
  });
});
