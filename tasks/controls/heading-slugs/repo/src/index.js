'use strict';

const { slug, createSlugger } = require('./slug');
const { headings } = require('./headings');
const { outline, toc } = require('./outline');

module.exports = { slug, createSlugger, headings, outline, toc };
