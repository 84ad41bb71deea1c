"""Drives a server with `tritonclient`, unchanged; test_server_triton.py runs it in an environment of its own.

Two protos that define the package `inference` cannot share a process, so nothing of onelight is imported here.
"""

import sys

import numpy as np
import tritonclient.grpc as triton
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException


def refused(call, *arguments, **keywords) -> InferenceServerException:
    """The error of a call that must fail."""
    try:
        call(*arguments, **keywords)
    except InferenceServerException as error:
        return error
    raise AssertionError("The server took what it had to refuse.")


address = sys.argv[1]
client = triton.InferenceServerClient(address)
assert client.is_server_live()
assert client.is_server_ready()
assert client.is_model_ready("base/probe")
assert not client.is_model_ready("base/nonsense")
assert client.get_server_metadata().name == "onelight"
metadata = client.get_model_metadata("base/probe")
assert next(tensor.name for tensor in metadata.inputs) == "Source@+0"
assert client.get_model_metadata("base/probe", metadata.versions[0]).name == "base/probe"
assert "base/probe" in [model.name for model in client.get_model_repository_index().models]

plate = (np.random.default_rng(1).standard_normal((270, 480, 4)) * 4).astype(np.float16)
source = triton.InferInput("Source@+0", plate.shape, "FP16")
source.set_data_from_numpy(plate)
inline = client.infer("base/probe", [source], parameters={"flip": True, "gain": 1.0})
answer = inline.as_numpy("Output")
assert answer.shape == plate.shape
assert answer.dtype == np.float16
assert np.array_equal(np.abs(answer[..., :3]), np.abs(plate[..., :3] * 2))
assert inline.get_response().parameters["version"].string_param == metadata.versions[0]

there = shm.create_shared_memory_region("plate", "/onelight-triton-plate", plate.nbytes)
back = shm.create_shared_memory_region("result", "/onelight-triton-result", plate.nbytes)
try:
    client.unregister_system_shared_memory()
    client.register_system_shared_memory("plate", "/onelight-triton-plate", plate.nbytes)
    client.register_system_shared_memory("result", "/onelight-triton-result", plate.nbytes)
    regions = client.get_system_shared_memory_status().regions
    assert regions["plate"].byte_size == plate.nbytes
    shm.set_shared_memory_region(there, [plate])
    source = triton.InferInput("Source@+0", plate.shape, "FP16")
    source.set_shared_memory("plate", plate.nbytes)
    output = triton.InferRequestedOutput("Output")
    output.set_shared_memory("result", plate.nbytes)
    reply = client.infer("base/probe", [source], outputs=[output], parameters={"flip": True, "gain": 1.0})
    assert list(reply.get_output("Output").shape) == list(plate.shape)
    assert not reply.get_response().raw_output_contents
    assert np.array_equal(shm.get_contents_as_numpy(back, np.float16, plate.shape), answer)
    refusal = refused(client.register_system_shared_memory, "plate", "/onelight-triton-plate", plate.nbytes)
    assert "registered already" in refusal.message()
    client.unregister_system_shared_memory("plate")
    client.unregister_system_shared_memory("result")
    assert not client.get_system_shared_memory_status().regions
finally:
    shm.destroy_shared_memory_region(there)
    shm.destroy_shared_memory_region(back)

refusal = refused(client.infer, "base/probe", [source], model_version="v9")
assert refusal.status() == "StatusCode.NOT_FOUND"
assert "no version 'v9'" in refusal.message()
print("tritonclient is content")
