#!/usr/bin/env stormdrill
scenario "x" { tags = {} }
