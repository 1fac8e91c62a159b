'use strict';

const { exponential } = require('./backoff');
const { systemClock } = require('./clock');
const { Job } = require('./job');
const { Lanes } = require('./lanes');
const { Slots } = require('./slots');

class Queue {
  constructor({ concurrency, retries, backoff, clock }) {
    this.slots = new Slots(concurrency);
    this.lanes = new Lanes();
    this.waiting = new Set();
    this.retries = retries;
    this.backoff = backoff;
    this.clock = clock;
    this.isPaused = false;
    this.lastId = 0;
    this.idlers = [];
  }

  add(fn, { signal, retries = this.retries, ...options } = {}) {
    this.lastId += 1;
    const job = new Job(this.lastId, fn, { ...options, retries });
    this.lanes.append(job);
    if (signal !== undefined) this.follow(signal, job);
    this.startJobs();
    return this.handleOf(job);
  }

  handleOf(job) {
    return {
      id: job.id,
      promise: job.promise,
      get state() {
        return job.state;
      },
      cancel: (reason) => this.cancel(job, reason),
    };
  }

  follow(signal, job) {
    const cancel = () => this.cancel(job, signal.reason);
    if (signal.aborted) {
      cancel();
      return;
    }
    signal.addEventListener('abort', cancel, { once: true });
    const unfollow = () => signal.removeEventListener('abort', cancel);
    job.promise.then(unfollow, unfollow);
  }

  startJobs() {
    while (!this.isPaused && this.slots.hasRoom) {
      const job = this.lanes.takeNext();
      if (job === null) break;
      this.start(job);
    }
    if (this.isIdle) this.idlers.splice(0).forEach((resolve) => resolve());
  }

  start(job) {
    this.slots.take();
    job.run().then(
      (value) => this.attemptSucceeded(job, value),
      (error) => this.attemptFailed(job, error),
    );
  }

  attemptSucceeded(job, value) {
    if (job.isOver) return;
    job.succeed(value);
    this.leave(job);
  }

  attemptFailed(job, error) {
    if (job.isOver) return;
    if (job.hasAttemptsLeft) this.retryLater(job);
    else job.fail(error);
    this.leave(job);
  }

  retryLater(job) {
    job.state = 'waiting';
    this.waiting.add(job);
    job.stopTimer = this.clock.after(this.backoff(job.attempt), () => {
      this.waiting.delete(job);
      job.state = 'queued';
      this.lanes.append(job);
      this.startJobs();
    });
  }

  /** Gives back what a running job has, for others to go on. */
  leave(job) {
    this.slots.give();
    this.lanes.release(job);
    this.startJobs();
  }

  cancel(job, reason) {
    if (job.isOver) return false;
    const { state } = job;
    job.cancel(reason);
    if (state === 'running') {
      this.leave(job);
      return true;
    }
    if (state === 'queued') this.lanes.remove(job);
    if (state === 'waiting') {
      this.waiting.delete(job);
      job.stopTimer();
    }
    this.startJobs();
    return true;
  }

  pause() {
    this.isPaused = true;
  }

  resume() {
    this.isPaused = false;
    this.startJobs();
  }

  get isIdle() {
    return this.lanes.isEmpty;
  }

  /** Resolves when there is nothing left to do. */
  idle() {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => {
      this.idlers.push(resolve);
    });
  }

  stats() {
    return { queued: this.lanes.queued, running: this.slots.used, waiting: this.waiting.size };
  }
}

function createQueue({
  concurrency = 1,
  retries = 0,
  backoff = exponential(),
  clock = systemClock,
} = {}) {
  return new Queue({ concurrency, retries, backoff, clock });
}

module.exports = { createQueue };
