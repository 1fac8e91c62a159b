'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { newest, oldest, outdated } = require('..');

const published = ['2.1.9', '1.0.0', '2.2.0', '3.0.0-rc.1', '2.1.3'];

test('picks the newest and the oldest', () => {
  assert.equal(newest('^2.1.0', published), '2.2.0');
  assert.equal(oldest('^2.1.0', published), '2.1.3');
  assert.equal(newest('^4.0.0', published), null);
});

test('picks prereleases on request', () => {
  assert.equal(newest('>=2.1.0', published), '2.2.0');
  assert.equal(newest('>=2.1.0', published, { prereleases: true }), '3.0.0-rc.1');
});

test('lists what is outdated', () => {
  const manifest = { ui: '~2.1', core: '^1.0.0', gone: '*' };
  const locked = { ui: '2.1.3', core: '1.0.0' };
  assert.deepEqual(outdated(manifest, locked, { ui: published, core: ['1.0.0'] }), [
    { name: 'ui', locked: '2.1.3', wanted: '2.1.9', latest: '2.2.0' },
  ]);
});
