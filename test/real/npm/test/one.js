const assert = require('node:assert')
const express = require('express')
const _ = require('lodash')

describe('one', () => {
  it('loads what npm installed', () => {
    assert.equal(typeof express().get, 'function')
    assert.deepEqual(_.chunk([1, 2, 3], 2), [[1, 2], [3]])
  })
})
