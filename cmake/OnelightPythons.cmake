# Finds the Pythons, other than the one that is built for, that a compositing host on this machine may embed.

# onelight_other_pythons(result): interpreters of CPython 3.9 and 3.10 that run and have their headers.
function(onelight_other_pythons result)
  set(found "")
  foreach(version 3.9 3.10)
    # pyenv's own command for a version that is not active exists and fails, so its versions are looked at first.
    file(GLOB homes "$ENV{HOME}/.pyenv/versions/${version}.*/bin")
    find_program(ONELIGHT_PYTHON_${version} NAMES python${version} HINTS ${homes})
    set(python "${ONELIGHT_PYTHON_${version}}")
    if(python)
      execute_process(
        COMMAND "${python}" -c "import os, sys, sysconfig; print(os.path.realpath(sys.executable) if os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h')) else '')"
        OUTPUT_VARIABLE real OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
      if(NOT failed AND real)
        list(APPEND found "${real}")
      endif()
    endif()
  endforeach()
  set(${result} "${found}" PARENT_SCOPE)
endfunction()
