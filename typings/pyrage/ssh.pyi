class Recipient:
    @staticmethod
    def from_str(v: str) -> Recipient: ...

class Identity:
    @staticmethod
    def from_buffer(v: bytes) -> Identity: ...
