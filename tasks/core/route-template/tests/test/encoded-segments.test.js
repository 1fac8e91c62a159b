'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { createRouter, build, match, parseTemplate } = require('..');

const on = (template, url) => match(parseTemplate(template), url);

function roundTrip(template, params) {
  const segments = parseTemplate(template);
  return match(segments, build(segments, params));
}

test('an encoded slash stays inside its parameter', () => {
  assert.deepEqual(on('/documents/:title', '/documents/Q1%2FQ2%20plan'), { title: 'Q1/Q2 plan' });
  assert.deepEqual(on('/documents/:title', '/documents/a%2fb'), { title: 'a/b' });
  assert.deepEqual(on('/:a/:b?', '/x%2Fy'), { a: 'x/y' });
});

test('encoded slashes at the ends and in a row are kept', () => {
  for (const title of ['drafts/', '/drafts', '//', 'a//b', '/', 'a/%2F', '%2F']) {
    assert.deepEqual(roundTrip('/documents/:title', { title }), { title });
  }
});

test('an encoded slash does not split the rest of a path', () => {
  assert.deepEqual(on('/raw/*path', '/raw/a%2Fb/c'), { path: ['a/b', 'c'] });
  assert.deepEqual(roundTrip('/raw/*path', { path: ['x/', '/y', 'z'] }), { path: ['x/', '/y', 'z'] });
});

test('an encoded slash does not choose another route', () => {
  const routes = createRouter().add('file', '/files/:name').add('nested', '/files/:folder/:name');
  assert.deepEqual(routes.find('/files/a%2Fb').name, 'file');
  assert.deepEqual(routes.find('/files/a%2Fb').params, { name: 'a/b' });
  assert.deepEqual(routes.find('/files/a%2Fb/c').params, { folder: 'a/b', name: 'c' });
  assert.equal(routes.find('/files/a/b').name, 'nested');
});

test('an encoded slash does not separate literal segments', () => {
  assert.equal(on('/a/b', '/a%2Fb'), null);
  assert.equal(on('/raw/*path', '/raw%2Fa'), null);
  assert.deepEqual(on('/a/b', '/a/b'), {});
});

test('percent signs are decoded exactly once', () => {
  for (const title of ['100%', '100%25', '%2541', '%41', '50 % of 60 %']) {
    assert.deepEqual(roundTrip('/documents/:title/x', { title }), { title });
  }
  assert.deepEqual(on('/raw/*path', '/raw/%2541/%2542'), { path: ['%41', '%42'] });
});

test('literal segments are compared as text', () => {
  assert.deepEqual(on('/café/:id', '/caf%C3%A9/1'), { id: '1' });
  assert.deepEqual(roundTrip('/two words/:id', { id: 'é' }), { id: 'é' });
  assert.deepEqual(on('/users/:id', '/%75sers/1'), { id: '1' });
});

test('broken encoding matches nothing and does not throw', () => {
  assert.equal(on('/raw/*path', '/raw/%zz'), null);
  assert.equal(on('/users/:id', '/users/%E9'), null);
  assert.equal(on('/users/:id', '/users/50%'), null);
  assert.equal(on('/users/:id?', '/users/%'), null);
});

test('other reserved characters survive the way there and back', () => {
  for (const title of ['a?b', 'a#b', 'a+b', 'a&b=c', 'a;b', '..', ' ']) {
    assert.deepEqual(roundTrip('/documents/:title', { title }), { title });
  }
});
