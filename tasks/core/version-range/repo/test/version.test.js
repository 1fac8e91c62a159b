'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { parseVersion, formatVersion, sortVersions } = require('..');

test('reads and writes versions', () => {
  assert.equal(formatVersion('v1.20.3-rc.1+build.5'), '1.20.3-rc.1');
  assert.deepEqual({ ...parseVersion('1.0.0') }, { major: 1, minor: 0, patch: 0, prerelease: [] });
});

test('refuses what is not a version', () => {
  for (const bad of ['', '1', '1.2', '1.2.3.4', '01.2.3', '1.2.3-', 'latest']) {
    assert.throws(() => parseVersion(bad), { name: 'VersionError' }, bad);
  }
});

test('orders versions', () => {
  const ordered = [
    '1.0.0-0', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta.2', '1.0.0-beta.11',
    '1.0.0', '1.2.0', '1.10.0', '2.0.0',
  ];
  assert.deepEqual(sortVersions([...ordered].reverse()), ordered);
});
