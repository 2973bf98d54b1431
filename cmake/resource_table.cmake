# SPDX-License-Identifier: Apache-2.0
# resource_table(OUTPUT): writes a source file with the table of every resource, one row for each
# src/resource/<name>.cpp that declares `const Definition k_<name>` in namespace brink::resource. A
# link-time table: self-registration by static constructors vanishes from static archives.
function(resource_table output)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/table.cpp ${CMAKE_CURRENT_SOURCE_DIR}/survey.cpp)
    list(SORT sources)
    set(declarations)
    set(rows)
    foreach(source IN LISTS sources)
        get_filename_component(name ${source} NAME_WE)
        string(APPEND declarations "extern const Definition k_${name};\n")
        string(APPEND rows "    &k_${name},\n")
    endforeach()
    file(CONFIGURE OUTPUT ${output} @ONLY CONTENT
"// Generated from the files of src/resource.
#include \"resource/table.hpp\"

namespace brink::resource {
@declarations@
const Definition* const k_table[] = {
@rows@};
const unsigned long k_table_size = sizeof k_table / sizeof k_table[0];
}  // namespace brink::resource
")
    set(resource_sources ${sources} ${output} PARENT_SCOPE)
endfunction()
