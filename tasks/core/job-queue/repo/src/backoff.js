'use strict';

/** Delays that double with each attempt, in milliseconds. */
function exponential({ first = 100, limit = 30_000 } = {}) {
  return (attempt) => Math.min(limit, first * 2 ** (attempt - 1));
}

module.exports = { exponential };
