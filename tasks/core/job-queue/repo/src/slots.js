'use strict';

/** Counts the places for running functions. */
class Slots {
  constructor(limit) {
    if (!Number.isInteger(limit) || limit < 1) throw new RangeError(`concurrency must be at least 1: ${limit}`);
    this.limit = limit;
    this.used = 0;
  }

  get hasRoom() {
    return this.used < this.limit;
  }

  take() {
    this.used += 1;
  }

  give() {
    this.used -= 1;
  }
}

module.exports = { Slots };
