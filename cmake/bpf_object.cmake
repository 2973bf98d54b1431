# SPDX-License-Identifier: Apache-2.0
# bpf_object(NAME SOURCE...): compiles BPF programs, links them into one object, and generates the
# skeleton NAME.skel.h. `bpftool gen object` also strips DWARF, which makes the skeleton 20 times
# smaller. Defines the interface library NAME whose include directory holds the skeleton.
find_program(BRINK_BPF_CLANG clang REQUIRED)
find_program(BRINK_BPFTOOL bpftool PATHS /usr/sbin /usr/local/sbin REQUIRED)

function(bpf_object name)
    string(REGEX REPLACE "_64$|^amd64$" "" arch "${CMAKE_SYSTEM_PROCESSOR}")
    string(REPLACE "aarch64" "arm64" arch "${arch}")
    set(objects)
    foreach(source IN LISTS ARGN)
        get_filename_component(stem ${source} NAME_WE)
        set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.${stem}.bpf.o)
        add_custom_command(
            OUTPUT ${object}
            COMMAND ${BRINK_BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror
                    -D__TARGET_ARCH_${arch} -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
                    -I${CMAKE_CURRENT_SOURCE_DIR} -MD -MF ${object}.d
                    -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
            DEPENDS ${source}
            DEPFILE ${object}.d
            COMMENT "BPF ${source}"
            VERBATIM)
        list(APPEND objects ${object})
    endforeach()
    set(linked ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
    set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h)
    add_custom_command(
        OUTPUT ${skeleton}
        COMMAND ${BRINK_BPFTOOL} gen object ${linked} ${objects}
        COMMAND ${BRINK_BPFTOOL} gen skeleton ${linked} name ${name} > ${skeleton}
        DEPENDS ${objects}
        COMMENT "BPF skeleton ${name}"
        VERBATIM)
    add_custom_target(${name}_skeleton DEPENDS ${skeleton})
    add_library(${name} INTERFACE)
    add_dependencies(${name} ${name}_skeleton)
    target_include_directories(${name} SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
