'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { build, parseTemplate } = require('..');

const make = (template, params) => build(parseTemplate(template), params);

test('fills in parameters', () => {
  assert.equal(make('/users/:id', { id: 42 }), '/users/42');
  assert.equal(make('/news/:page?', {}), '/news');
  assert.equal(make('/', {}), '/');
});

test('encodes what it fills in', () => {
  assert.equal(make('/tags/:tag', { tag: 'a b/c' }), '/tags/a%20b%2Fc');
  assert.equal(make('/raw/*path', { path: ['x y', 'z'] }), '/raw/x%20y/z');
});

test('names the parameter it cannot use', () => {
  assert.throws(() => make('/users/:id', {}), { name: 'BuildError', parameter: 'id' });
  assert.throws(() => make('/users/:id', { id: '' }), { name: 'BuildError', parameter: 'id' });
  assert.throws(() => make('/raw/*path', { path: 'x' }), { name: 'BuildError', parameter: 'path' });
});
