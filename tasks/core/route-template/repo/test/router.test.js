'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { createRouter, parseQuery, formatQuery } = require('..');

function table() {
  return createRouter()
    .add('home', '/')
    .add('document', '/projects/:project/documents/:title')
    .add('file', '/raw/*path');
}

test('finds the first route that matches', () => {
  assert.equal(table().find('/').name, 'home');
  assert.deepEqual(table().find('/projects/7/documents/plan').params, { project: '7', title: 'plan' });
  assert.equal(table().find('/nowhere'), null);
});

test('hands the query over', () => {
  const found = table().find('/raw/a?x=1&x=2&y=a+b#z');
  assert.deepEqual({ ...found.query }, { x: ['1', '2'], y: 'a b' });
});

test('writes URLs', () => {
  assert.equal(table().url('file', { path: ['a', 'b'] }, { q: 'x y', n: undefined }), '/raw/a/b?q=x+y');
  assert.throws(() => table().url('nothing'), /no route named/);
});

test('reads and writes query strings', () => {
  assert.deepEqual({ ...parseQuery('?a=%zz&b') }, { a: '%zz', b: '' });
  assert.equal(formatQuery({ a: [1, 2], b: null, c: 'é' }), 'a=1&a=2&c=%C3%A9');
});
