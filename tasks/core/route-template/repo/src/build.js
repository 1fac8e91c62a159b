'use strict';

class BuildError extends Error {
  constructor(name, reason) {
    super(`parameter "${name}" ${reason}`);
    this.name = 'BuildError';
    this.parameter = name;
  }
}

function encodeOne(name, value) {
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw new BuildError(name, 'must be a string or a number');
  }
  const text = String(value);
  if (text === '') throw new BuildError(name, 'must not be empty');
  return encodeURIComponent(text);
}

function encodeRest(name, value) {
  if (!Array.isArray(value) || value.length === 0) {
    throw new BuildError(name, 'must be an array that is not empty');
  }
  return value.map((item) => encodeOne(name, item)).join('/');
}

/** Builds the path for parsed segments. Throws BuildError for a missing or unusable parameter. */
function build(segments, params = {}) {
  const parts = [];
  for (const segment of segments) {
    if (segment.kind === 'literal') {
      parts.push(encodeURIComponent(segment.text));
      continue;
    }
    const value = params[segment.name];
    if (value === undefined) {
      if (segment.kind === 'optional') continue;
      throw new BuildError(segment.name, 'is missing');
    }
    parts.push(segment.kind === 'rest' ? encodeRest(segment.name, value) : encodeOne(segment.name, value));
  }
  return `/${parts.join('/')}`;
}

module.exports = { build, BuildError };
