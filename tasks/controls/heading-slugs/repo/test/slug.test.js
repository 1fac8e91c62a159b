'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { slug, createSlugger } = require('..');

test('keeps letters and digits', () => {
  assert.equal(slug('What is new?'), 'what-is-new');
  assert.equal(slug('  Node 18 --  and later '), 'node-18-and-later');
});

test('replaces umlauts', () => {
  assert.equal(slug('Änderungen für Größen'), 'anderungen-fur-grosen');
  assert.equal(slug('Öl'), 'ol');
});

test('replaces accents', () => {
  assert.equal(slug('Café à la carte'), 'cafe-a-la-carte');
});

test('numbers slugs that are taken', () => {
  const slugger = createSlugger();
  assert.deepEqual(['Setup', 'Setup', '?!', 'setup'].map(slugger), ['setup', 'setup-2', 'section', 'setup-3']);
});
