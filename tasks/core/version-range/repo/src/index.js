'use strict';

const { parseVersion, compareVersions, formatVersion } = require('./version');
const { parseRange, admits } = require('./range');
const { newest, oldest, sortVersions } = require('./select');
const { outdated } = require('./outdated');

module.exports = {
  parseVersion,
  compareVersions,
  formatVersion,
  parseRange,
  admits,
  newest,
  oldest,
  sortVersions,
  outdated,
};
