'use strict';

/** What the promise of a cancelled job rejects with. */
class CancelledError extends Error {
  constructor(id, reason) {
    super(reason === undefined ? `job ${id} was cancelled` : `job ${id} was cancelled: ${reason}`);
    this.name = 'CancelledError';
    this.reason = reason;
  }
}

module.exports = { CancelledError };
