# SPDX-License-Identifier: Apache-2.0
"""The programs that brink is measured beside, and brink: one file for each, with its configuration beside it."""
