"""Finds model versions: the built-in ones beside each tool (show `base`) and those under the shows' folders.

A version is the folder `<root>/<show>/<tool>/<version>` (built in: `tools/<tool>/base/<version>`) with a version.json:
`{"tool", "version", "spec_version", "stages": {name: {"file", "sha256"}}}`. Versions never change once they are there.

A folder that is a production's own show, with a store and keys, is read through a `Keeper`: its versions lie under
`<root>/<show>/models/<tool>/`, are signed, have a state, and no name means the approved one. Without a keeper such a
folder holds no show. In plain folders no name means the newest.
"""

from onelight.registry.files import is_folder
from onelight.registry.files import read as read_file
from onelight.registry.look import Registry
from onelight.registry.version import BASE, LARGEST_FILE, LARGEST_JSON, Keeper, Signed, Version

__all__ = ["BASE", "LARGEST_FILE", "LARGEST_JSON", "Keeper", "Registry", "Signed", "Version", "is_folder", "read_file"]
