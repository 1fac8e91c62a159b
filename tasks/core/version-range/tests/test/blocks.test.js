'use strict';

const { describe, it } = require('node:test');
const assert = require('node:assert/strict');
const { admits, newest, outdated } = require('..');

const RELEASES = [
  '0.9.0', '1.0.0', '1.1.9', '1.2.0', '1.2.5', '1.3.0', '1.9.9', '2.0.0', '2.3.0', '2.3.4', '2.7.1',
  '3.0.0', '10.0.0',
];
const CANDIDATES = ['1.2.0-rc.1', '1.2.5-rc.1', '1.3.0-0', '1.3.0-rc.1', '2.0.0-rc.1', '2.4.0-rc.1'];

const released = (range) => RELEASES.filter((version) => admits(range, version));
const candidates = (range) =>
  CANDIDATES.filter((version) => admits(range, version, { prereleases: true }));
const from = (list, first, last) => list.slice(list.indexOf(first), list.indexOf(last) + 1);

describe('blocks of released versions', () => {
  it('up to and including a block', () => {
    assert.deepEqual(released('<=2'), from(RELEASES, '0.9.0', '2.7.1'));
    assert.deepEqual(released('<=1.2'), from(RELEASES, '0.9.0', '1.2.5'));
    assert.deepEqual(released('<=2.3.x'), from(RELEASES, '0.9.0', '2.3.4'));
    assert.deepEqual(released('<= 2.X'), from(RELEASES, '0.9.0', '2.7.1'));
  });

  it('behind a block', () => {
    assert.deepEqual(released('>2'), ['3.0.0', '10.0.0']);
    assert.deepEqual(released('>1.2'), from(RELEASES, '1.3.0', '10.0.0'));
    assert.deepEqual(released('>9'), ['10.0.0']);
    assert.deepEqual(released('>1.2.*'), from(RELEASES, '1.3.0', '10.0.0'));
  });

  it('equal to a block', () => {
    assert.deepEqual(released('=1.2'), ['1.2.0', '1.2.5']);
    assert.deepEqual(released('= 2'), from(RELEASES, '2.0.0', '2.7.1'));
    assert.deepEqual(released('=*'), RELEASES);
  });

  it('hyphens between blocks', () => {
    assert.deepEqual(released('1.2 - 2.3'), from(RELEASES, '1.2.0', '2.3.4'));
    assert.deepEqual(released('1 - 1'), from(RELEASES, '1.0.0', '1.9.9'));
    assert.deepEqual(released('1.2.5 - 2'), from(RELEASES, '1.2.5', '2.7.1'));
    assert.deepEqual(released('* - 1.2'), from(RELEASES, '0.9.0', '1.2.5'));
    assert.deepEqual(released('2.x - *'), from(RELEASES, '2.0.0', '10.0.0'));
  });

  it('from a block on, and before it', () => {
    assert.deepEqual(released('>=1.2'), from(RELEASES, '1.2.0', '10.0.0'));
    assert.deepEqual(released('<1.2'), from(RELEASES, '0.9.0', '1.1.9'));
    assert.deepEqual(released('>=1 <2'), from(RELEASES, '1.0.0', '1.9.9'));
  });

  it('nothing is before or behind everything', () => {
    assert.deepEqual(released('>*'), []);
    assert.deepEqual(released('<*'), []);
    assert.deepEqual(released('>=*'), RELEASES);
    assert.deepEqual(released('<=x'), RELEASES);
    assert.deepEqual(released('>* || 1.2'), ['1.2.0', '1.2.5']);
    assert.equal(admits('<*', '0.0.0-0', { prereleases: true }), false);
    assert.equal(admits('>=*', '0.0.0-0', { prereleases: true }), true);
  });
});

describe('blocks and prereleases', () => {
  it('count by order on request', () => {
    assert.deepEqual(candidates('<1.3'), ['1.2.0-rc.1', '1.2.5-rc.1']);
    assert.deepEqual(candidates('<=1.2'), ['1.2.0-rc.1', '1.2.5-rc.1']);
    assert.deepEqual(candidates('>1.2'), ['1.3.0-0', '1.3.0-rc.1', '2.0.0-rc.1', '2.4.0-rc.1']);
    assert.deepEqual(candidates('>=1.3'), ['1.3.0-0', '1.3.0-rc.1', '2.0.0-rc.1', '2.4.0-rc.1']);
    assert.deepEqual(candidates('=1.3'), ['1.3.0-0', '1.3.0-rc.1']);
    assert.deepEqual(candidates('1.3 - 2.3'), ['1.3.0-0', '1.3.0-rc.1', '2.0.0-rc.1']);
    assert.deepEqual(candidates('>=*'), CANDIDATES);
  });

  it('are not admitted by limits that nobody wrote out', () => {
    for (const range of ['>1.2', '>=1.3', '<=1.3', '=1.3', '1.3 - 2', '>=*', '>1', '>0']) {
      const found = CANDIDATES.filter((version) => admits(range, version));
      assert.deepEqual(found, [], range);
    }
  });

  it('are admitted beside a written prerelease of the same version', () => {
    assert.equal(admits('>=1.3.0-alpha <=1.3', '1.3.0-rc.1'), true);
    assert.equal(admits('>1.2 <=1.3.0-rc.2', '1.3.0-rc.1'), true);
    assert.equal(admits('>1.2 <=1.3.0-rc.2', '1.2.5-rc.1'), false);
    assert.equal(admits('>=1.3.0-alpha <=1.2', '1.3.0-rc.1'), false);
  });

  it('complete versions keep their meaning', () => {
    assert.deepEqual(candidates('<1.3.0'), from(CANDIDATES, '1.2.0-rc.1', '1.3.0-rc.1'));
    assert.deepEqual(candidates('>1.2.5'), from(CANDIDATES, '1.3.0-0', '2.4.0-rc.1'));
    assert.deepEqual(released('1.2.5 - 2.3.0'), from(RELEASES, '1.2.5', '2.3.0'));
    assert.deepEqual(released('^1.2 || ~2.3'), [...from(RELEASES, '1.2.0', '1.9.9'), '2.3.0', '2.3.4']);
  });
});

describe('choosing with blocks', () => {
  it('picks and lists by them', () => {
    assert.equal(newest('<=2', RELEASES), '2.7.1');
    assert.equal(newest('<=1.2 || >9', RELEASES), '10.0.0');
    assert.deepEqual(outdated({ engine: '<=2' }, { engine: '2.0.0' }, { engine: RELEASES }), [
      { name: 'engine', locked: '2.0.0', wanted: '2.7.1', latest: '10.0.0' },
    ]);
  });
});
