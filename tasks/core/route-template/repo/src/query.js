'use strict';

function decode(text) {
  const spaced = text.replace(/\+/g, ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** Parses a query string, with or without its leading "?". */
function parseQuery(text) {
  const query = Object.create(null);
  const body = text.startsWith('?') ? text.slice(1) : text;
  for (const pair of body.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const key = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1));
    if (!(key in query)) query[key] = value;
    else if (Array.isArray(query[key])) query[key].push(value);
    else query[key] = [query[key], value];
  }
  return query;
}

function encode(value) {
  return encodeURIComponent(String(value)).replace(/%20/g, '+');
}

/** Formats an object as a query string without "?"; arrays repeat their key. */
function formatQuery(query) {
  const pairs = [];
  for (const [key, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item === undefined || item === null) continue;
      pairs.push(`${encode(key)}=${encode(item)}`);
    }
  }
  return pairs.join('&');
}

module.exports = { parseQuery, formatQuery };
