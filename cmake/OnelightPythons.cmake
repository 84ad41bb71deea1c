# Finds the Pythons, other than the one that is built for, that a compositing host on this machine may embed.

# onelight_other_pythons(result): interpreters of CPython 3.9 and 3.10 that run and have their headers.
function(onelight_other_pythons result)
  set(found "")
  foreach(version 3.9 3.10)
    find_program(ONELIGHT_PYTHON_${version} NAMES python${version})
    set(python "${ONELIGHT_PYTHON_${version}}")
    if(python)
      # A version manager's shim may exist for a Python that is not active: then running it fails.
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
