'use strict';

const { CancelledError } = require('./errors');

/** One function to run, with what became of it so far. */
class Job {
  constructor(id, fn, { key, priority = 0, retries = 0 }) {
    this.id = id;
    this.fn = fn;
    this.key = key;
    this.priority = priority;
    this.retries = retries;
    this.attempt = 0;
    this.state = 'queued';
    this.controller = new AbortController();
    this.stopTimer = null;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  get isOver() {
    return this.state === 'done' || this.state === 'failed' || this.state === 'cancelled';
  }

  get hasAttemptsLeft() {
    return this.attempt <= this.retries;
  }

  /** Calls the function once more; a function that throws counts as one that rejects. */
  async run() {
    this.attempt += 1;
    this.state = 'running';
    return this.fn({ attempt: this.attempt, signal: this.controller.signal });
  }

  succeed(value) {
    this.state = 'done';
    this.resolve(value);
  }

  fail(error) {
    this.state = 'failed';
    this.reject(error);
  }

  cancel(reason) {
    const error = new CancelledError(this.id, reason);
    this.state = 'cancelled';
    this.reject(error);
    this.controller.abort(error);
  }
}

module.exports = { Job };
