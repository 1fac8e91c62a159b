'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { match, parseTemplate } = require('..');

const on = (template, url) => match(parseTemplate(template), url);

test('binds parameters', () => {
  assert.deepEqual(on('/users/:id', '/users/42'), { id: '42' });
  assert.deepEqual(on('/users/:id', '/users/42/'), { id: '42' });
  assert.equal(on('/users/:id', '/users'), null);
  assert.equal(on('/users/:id', '/users/42/edit'), null);
});

test('binds an optional last segment', () => {
  assert.deepEqual(on('/news/:page?', '/news'), {});
  assert.deepEqual(on('/news/:page?', '/news/2'), { page: '2' });
});

test('binds the rest of a path', () => {
  assert.deepEqual(on('/raw/*path', '/raw/img/logo.png'), { path: ['img', 'logo.png'] });
  assert.equal(on('/raw/*path', '/raw'), null);
});

test('decodes parameters', () => {
  assert.deepEqual(on('/tags/:tag', '/tags/two%20words'), { tag: 'two words' });
  assert.deepEqual(on('/tags/:tag', '/tags/c%2B%2B'), { tag: 'c++' });
});

test('ignores query and fragment', () => {
  assert.deepEqual(on('/tags/:tag', '/tags/new?tag=old#top'), { tag: 'new' });
});

test('empty segments match nothing', () => {
  assert.equal(on('/users/:id', '/users//'), null);
  assert.equal(on('/raw/*path', '/raw/a//b'), null);
});
