from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LeaseReply(_message.Message):
    __slots__ = ["client_id"]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    client_id: str
    def __init__(self, client_id: _Optional[str] = ...) -> None: ...

class LeaseRequest(_message.Message):
    __slots__ = ["client_id"]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    client_id: str
    def __init__(self, client_id: _Optional[str] = ...) -> None: ...

class ModelsReply(_message.Message):
    __slots__ = ["models", "providers", "server_version", "tools"]
    class Model(_message.Message):
        __slots__ = ["digest", "is_default", "problem", "show", "spec_version", "state", "tool", "version"]
        DIGEST_FIELD_NUMBER: _ClassVar[int]
        IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
        PROBLEM_FIELD_NUMBER: _ClassVar[int]
        SHOW_FIELD_NUMBER: _ClassVar[int]
        SPEC_VERSION_FIELD_NUMBER: _ClassVar[int]
        STATE_FIELD_NUMBER: _ClassVar[int]
        TOOL_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        digest: str
        is_default: bool
        problem: str
        show: str
        spec_version: int
        state: str
        tool: str
        version: str
        def __init__(self, show: _Optional[str] = ..., tool: _Optional[str] = ..., version: _Optional[str] = ..., digest: _Optional[str] = ..., spec_version: _Optional[int] = ..., is_default: bool = ..., problem: _Optional[str] = ..., state: _Optional[str] = ...) -> None: ...
    class Tool(_message.Message):
        __slots__ = ["id", "label", "spec_version"]
        ID_FIELD_NUMBER: _ClassVar[int]
        LABEL_FIELD_NUMBER: _ClassVar[int]
        SPEC_VERSION_FIELD_NUMBER: _ClassVar[int]
        id: str
        label: str
        spec_version: int
        def __init__(self, id: _Optional[str] = ..., label: _Optional[str] = ..., spec_version: _Optional[int] = ...) -> None: ...
    MODELS_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[ModelsReply.Model]
    providers: _containers.RepeatedScalarFieldContainer[str]
    server_version: str
    tools: _containers.RepeatedCompositeFieldContainer[ModelsReply.Tool]
    def __init__(self, server_version: _Optional[str] = ..., providers: _Optional[_Iterable[str]] = ..., tools: _Optional[_Iterable[_Union[ModelsReply.Tool, _Mapping]]] = ..., models: _Optional[_Iterable[_Union[ModelsReply.Model, _Mapping]]] = ...) -> None: ...

class ModelsRequest(_message.Message):
    __slots__ = ["show"]
    SHOW_FIELD_NUMBER: _ClassVar[int]
    show: str
    def __init__(self, show: _Optional[str] = ...) -> None: ...

class PutFrameReply(_message.Message):
    __slots__ = ["content_hash"]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    content_hash: str
    def __init__(self, content_hash: _Optional[str] = ...) -> None: ...

class PutFrameRequest(_message.Message):
    __slots__ = ["datatype", "height", "pixels", "shared_memory", "show", "width"]
    DATATYPE_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    PIXELS_FIELD_NUMBER: _ClassVar[int]
    SHARED_MEMORY_FIELD_NUMBER: _ClassVar[int]
    SHOW_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    datatype: str
    height: int
    pixels: bytes
    shared_memory: SharedMemory
    show: str
    width: int
    def __init__(self, show: _Optional[str] = ..., datatype: _Optional[str] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., pixels: _Optional[bytes] = ..., shared_memory: _Optional[_Union[SharedMemory, _Mapping]] = ...) -> None: ...

class SharedMemory(_message.Message):
    __slots__ = ["byte_size", "offset", "region"]
    BYTE_SIZE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    byte_size: int
    offset: int
    region: str
    def __init__(self, region: _Optional[str] = ..., offset: _Optional[int] = ..., byte_size: _Optional[int] = ...) -> None: ...

class WatchReply(_message.Message):
    __slots__ = ["eta_s", "gain", "loss", "run", "state", "step", "steps"]
    ETA_S_FIELD_NUMBER: _ClassVar[int]
    GAIN_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    eta_s: float
    gain: float
    loss: float
    run: str
    state: str
    step: int
    steps: int
    def __init__(self, run: _Optional[str] = ..., step: _Optional[int] = ..., steps: _Optional[int] = ..., loss: _Optional[float] = ..., gain: _Optional[float] = ..., eta_s: _Optional[float] = ..., state: _Optional[str] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ["run", "show"]
    RUN_FIELD_NUMBER: _ClassVar[int]
    SHOW_FIELD_NUMBER: _ClassVar[int]
    run: str
    show: str
    def __init__(self, show: _Optional[str] = ..., run: _Optional[str] = ...) -> None: ...
