'use strict';

const { parseTemplate } = require('./template');
const { match } = require('./match');
const { build } = require('./build');
const { parseQuery, formatQuery } = require('./query');
const { createRouter } = require('./router');

module.exports = { parseTemplate, match, build, parseQuery, formatQuery, createRouter };
