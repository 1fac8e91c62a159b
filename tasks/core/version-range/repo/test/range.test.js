'use strict';

const { describe, it } = require('node:test');
const assert = require('node:assert/strict');
const { admits, parseRange } = require('..');

function check(range, yes, no, options) {
  for (const version of yes) assert.equal(admits(range, version, options), true, `${range} ${version}`);
  for (const version of no) assert.equal(admits(range, version, options), false, `${range} ${version}`);
}

describe('ranges', () => {
  it('compares with complete versions', () => {
    check('>1.2.3', ['1.2.4', '2.0.0'], ['1.2.3', '1.0.0']);
    check('>= 1.2.3 < 2.0.0', ['1.2.3', '1.9.9'], ['2.0.0', '1.2.2']);
    check('<=1.2.3', ['1.2.3', '0.1.0'], ['1.2.4']);
    check('=1.2.3', ['1.2.3'], ['1.2.4']);
  });

  it('takes a bare partial version as a block', () => {
    check('1.2', ['1.2.0', '1.2.9'], ['1.3.0', '1.1.9']);
    check('1.x', ['1.0.0', '1.9.0'], ['2.0.0']);
    check('*', ['0.0.0', '9.9.9'], []);
    check('', ['0.0.0', '9.9.9'], []);
  });

  it('knows tilde and caret', () => {
    check('~1.2.3', ['1.2.3', '1.2.9'], ['1.3.0', '1.2.2']);
    check('~1', ['1.0.0', '1.9.0'], ['2.0.0']);
    check('^1.2.3', ['1.2.3', '1.9.0'], ['2.0.0', '1.2.2']);
    check('^0.2.3', ['0.2.9'], ['0.3.0']);
    check('^0.0.3', ['0.0.3'], ['0.0.4']);
    check('^0.0', ['0.0.9'], ['0.1.0']);
  });

  it('knows hyphens and alternatives', () => {
    check('1.2.3 - 2.0.0', ['1.2.3', '2.0.0'], ['2.0.1', '1.2.2']);
    check('1.0.0 || ^2.1.0', ['1.0.0', '2.5.0'], ['1.0.1', '2.0.0']);
  });

  it('admits prereleases only where one is written out', () => {
    check('>=2.0.0-beta.1 <3.0.0', ['2.0.0-rc.1', '2.5.0'], ['2.1.0-rc.1', '2.0.0-alpha', '3.0.0-rc.1']);
    check('^1.2.3', [], ['1.3.0-rc.1', '2.0.0-rc.1']);
    check('1.x', [], ['1.0.0-rc.1', '2.0.0-rc.1']);
  });

  it('treats prereleases like other versions on request', () => {
    check('^1.2.3', ['1.3.0-rc.1'], ['2.0.0-rc.1', '1.2.3-rc.1'], { prereleases: true });
    check('1.x', ['1.0.0-rc.1'], ['2.0.0-rc.1'], { prereleases: true });
  });

  it('refuses what it cannot read', () => {
    for (const bad of ['latest', '1.2.3.4', '>', '1.2-beta', '=>1.0.0', '1.0.0 -', 'a - b']) {
      assert.throws(() => parseRange(bad), { name: 'VersionRangeError' }, bad);
    }
  });
});
