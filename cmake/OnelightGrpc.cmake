# Defines onelight_grpc: static, position-independent gRPC with all it needs, for linking into a host's process.
#
# Debian's own archives where they are position independent, the ones scripts/build_deps makes where they are not.
# Headers are Debian's. Debian's CMake packages name the shared libraries, hence the plain list of archives.

if(NOT ONELIGHT_DEPS)
  execute_process(COMMAND "${PROJECT_SOURCE_DIR}/scripts/build_deps" OUTPUT_VARIABLE deps
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
else()
  set(deps "${ONELIGHT_DEPS}")  # made elsewhere, for example in a release container
endif()

set(archives "")
foreach(name grpc++ grpc gpr upb address_sorting ssl crypto cares z)
  find_library(ONELIGHT_${name}_ARCHIVE NAMES lib${name}.a REQUIRED)
  list(APPEND archives "${ONELIGHT_${name}_ARCHIVE}")
endforeach()
file(GLOB rebuilt "${deps}/lib/*.a")
if(NOT rebuilt)
  message(FATAL_ERROR "No archives in ${deps}/lib: run scripts/build_deps")
endif()
list(APPEND archives ${rebuilt})

add_library(onelight_grpc INTERFACE)
# Rescanned, because gRPC, abseil and TLS refer to each other in circles.
list(JOIN archives "," archives)
target_link_libraries(onelight_grpc INTERFACE "$<LINK_GROUP:RESCAN,${archives}>" pthread dl)

find_program(ONELIGHT_PROTOC NAMES protoc PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)

# onelight_wire: the messages of proto/onelight/wire in C++.
set(wire_dir "${PROJECT_BINARY_DIR}/wire")
set(wire_sources "")
foreach(name inference studio)
  set(proto "${PROJECT_SOURCE_DIR}/proto/onelight/wire/${name}.proto")
  set(outputs "${wire_dir}/onelight/wire/${name}.pb.cc" "${wire_dir}/onelight/wire/${name}.pb.h")
  file(MAKE_DIRECTORY "${wire_dir}")
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND "${ONELIGHT_PROTOC}" -I "${PROJECT_SOURCE_DIR}/proto" "--cpp_out=${wire_dir}" "${proto}"
    DEPENDS "${proto}" VERBATIM)
  list(APPEND wire_sources ${outputs})
endforeach()
add_library(onelight_wire STATIC ${wire_sources})
target_include_directories(onelight_wire SYSTEM PUBLIC "${wire_dir}")
target_link_libraries(onelight_wire PUBLIC onelight_grpc)
