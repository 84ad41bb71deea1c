# How a shared object is linked that lives in somebody else's process: in a compositing host or its Python.

set(ONELIGHT_CMAKE_DIR "${CMAKE_CURRENT_LIST_DIR}")

# Exports only the given symbols and brings along everything but libc, libm and the loader.
function(onelight_isolate target)
  list(JOIN ARGN "; " symbols)
  set(script "${CMAKE_CURRENT_BINARY_DIR}/${target}.version")
  file(CONFIGURE OUTPUT "${script}" CONTENT "{ global: ${symbols}; local: *; };\n")
  target_link_options(${target} PRIVATE
    "LINKER:--version-script=${script}" LINKER:--exclude-libs,ALL LINKER:-Bsymbolic LINKER:--gc-sections
    LINKER:-z,defs LINKER:-z,nodynamic-undefined-weak -u __cxa_pure_virtual
    # gRPC keeps threads: the code must stay mapped after the host's dlclose.
    LINKER:-z,nodelete
    $<$<CONFIG:Release>:LINKER:--strip-all>)
  if(NOT ONELIGHT_SANITIZE)  # the sanitizers' runtime needs the shared libstdc++, whose type information it compares
    target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc)
  endif()
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${script}")
endfunction()

function(onelight_ask_python python code result)
  execute_process(COMMAND "${python}" -c "${code}" OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE
                  COMMAND_ERROR_IS_FATAL ANY)
  set(${result} "${answer}" PARENT_SCOPE)
endfunction()

# onelight_python_module(target name python source...): an extension module for one Python, without linking libpython.
# Not pybind11_add_module, which knows one Python per build: the bridge is built for every Python a host may have.
function(onelight_python_module target name python)
  onelight_ask_python("${python}" "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'))" suffix)
  onelight_ask_python("${python}" "import sysconfig; print(sysconfig.get_path('include'))" include)
  if(NOT EXISTS "${include}/Python.h")
    message(FATAL_ERROR "${include}/Python.h is missing: install the development files of ${python}")
  endif()
  add_library(${target} MODULE ${ARGN})
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME "${name}" SUFFIX "${suffix}")
  target_include_directories(${target} SYSTEM PRIVATE "${include}" "${ONELIGHT_PYBIND11_INCLUDE}")
endfunction()

set(ONELIGHT_PYTHON "${Python_EXECUTABLE}" CACHE FILEPATH "The Python whose extension modules are built")
if(NOT ONELIGHT_PYTHON)
  find_package(Python 3.11 COMPONENTS Interpreter REQUIRED)
  set_property(CACHE ONELIGHT_PYTHON PROPERTY VALUE "${Python_EXECUTABLE}")
endif()
onelight_ask_python("${ONELIGHT_PYTHON}" "import pybind11; print(pybind11.get_include())" ONELIGHT_PYBIND11_INCLUDE)
