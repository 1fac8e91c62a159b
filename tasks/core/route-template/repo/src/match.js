'use strict';

/** The part of a request URL that names a resource: no query, no fragment. */
function pathOf(url) {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

/** Splits a path at its slashes, or gives null where it is not a usable path. */
function splitPath(path) {
  if (path[0] !== '/') return null;
  if (path === '/') return [];
  const trimmed = path.endsWith('/') ? path.slice(1, -1) : path.slice(1);
  const parts = trimmed.split('/');
  return parts.includes('') ? null : parts;
}

function readParts(url) {
  try {
    return splitPath(decodeURIComponent(pathOf(url)));
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

function bind(segments, parts) {
  const params = {};
  let at = 0;
  for (const segment of segments) {
    if (segment.kind === 'rest') {
      if (at === parts.length) return null;
      params[segment.name] = parts.slice(at);
      return params;
    }
    if (at === parts.length) return segment.kind === 'optional' ? params : null;
    const part = parts[at];
    at += 1;
    if (segment.kind === 'literal') {
      if (part !== segment.text) return null;
    } else {
      params[segment.name] = part;
    }
  }
  return at === parts.length ? params : null;
}

/** Matches a URL against parsed segments: the parameters, or null. */
function match(segments, url) {
  const parts = readParts(url);
  return parts === null ? null : bind(segments, parts);
}

module.exports = { match, pathOf };
