'use strict';

const { compareVersions } = require('./version');

const TESTS = {
  '=': (order) => order === 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
};

/** A limit with a version that somebody wrote into the range. */
function written(operator, version) {
  return Object.freeze({ operator, version, isWritten: true });
}

/** A limit that follows from something else in the range. */
function derived(operator, version) {
  return Object.freeze({ operator, version, isWritten: false });
}

function holds(bound, version) {
  return TESTS[bound.operator](compareVersions(version, bound.version));
}

module.exports = { written, derived, holds };
