'use strict';

const { newest, sortVersions } = require('./select');
const { compareVersions, parseVersion } = require('./version');

function latestOf(versions, options) {
  const usable = options.prereleases
    ? versions
    : versions.filter((version) => parseVersion(version).prerelease.length === 0);
  return sortVersions(usable).at(-1) ?? null;
}

/**
 * What a lock file could be updated to. `manifest` has a range a package, `locked` a version a
 * package, `published` the versions there are. Packages that are up to date are left out; `wanted`
 * is the newest version that the manifest admits, null where it admits none.
 */
function outdated(manifest, locked, published, options = {}) {
  const rows = [];
  for (const name of Object.keys(manifest).sort()) {
    const versions = published[name] ?? [];
    const wanted = newest(manifest[name], versions, options);
    const latest = latestOf(versions, options);
    const current = locked[name] ?? null;
    const best = [wanted, latest].filter((version) => version !== null);
    const isNewest = best.every((version) => current !== null && compareVersions(version, current) <= 0);
    if (!isNewest) rows.push({ name, locked: current, wanted, latest });
  }
  return rows;
}

module.exports = { outdated };
