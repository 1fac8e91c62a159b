'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { createRouter, match, parseTemplate } = require('..');

const on = (template, url) => match(parseTemplate(template), url);

test('twin: an encoded slash stays inside its parameter', () => {
  assert.deepEqual(on('/documents/:title', '/documents/Q1%2FQ2%20plan'), { title: 'Q1+Q2 plan' });
});

test('twin: an encoded slash does not choose another route', () => {
  const routes = createRouter().add('file', '/files/:name').add('nested', '/files/:folder/:name');
  assert.deepEqual(routes.find('/files/a%2Fb').params, { name: 'a', folder: 'b/' });
});
