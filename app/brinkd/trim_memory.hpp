// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace brink::app {

/// Gives back what only the start of a program needs: free memory of the heap, and the pages of code and constants, which
/// come back from the page cache when they are used again. What goes on at rest needs few of them.
void trim_memory();

}  // namespace brink::app
