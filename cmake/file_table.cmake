# SPDX-License-Identifier: Apache-2.0
# file_table(OUTPUT FOLDER TYPE SOURCE...): writes a source file with a table that has one row for each SOURCE
# src/FOLDER/<name>.cpp, which declares `const TYPE k_<name>` in namespace brink::FOLDER; the table and its size are declared
# in FOLDER/table.hpp. A link-time table: self-registration by static constructors vanishes from static archives.
function(file_table output folder type)
    set(declarations)
    set(rows)
    foreach(source IN LISTS ARGN)
        get_filename_component(name ${source} NAME_WE)
        string(APPEND declarations "extern const ${type} k_${name};\n")
        string(APPEND rows "    &k_${name},\n")
    endforeach()
    file(CONFIGURE OUTPUT ${output} @ONLY CONTENT
"// Generated from the files of src/@folder@.
#include \"@folder@/table.hpp\"

namespace brink::@folder@ {
@declarations@
const @type@* const k_table[] = {
@rows@};
const unsigned long k_table_size = sizeof k_table / sizeof k_table[0];
}  // namespace brink::@folder@
")
endfunction()
