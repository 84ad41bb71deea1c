"""The protocol's shared-memory calls, and the leases that tie regions to the lives of their clients."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import structlog
from onelight.wire import inference_pb2 as oip

from onelight_server.peers import Peers
from onelight_server.shm import Region, Regions

LEASE_GRACE = 10.0  # seconds between a region and the lease it belongs to, whichever the network brings first
log = structlog.get_logger()


@dataclass
class Leases:
    """How many streams each client holds open; its regions go with the last one."""

    regions: Regions
    grace: float = LEASE_GRACE
    _held: Counter[str] = field(default_factory=Counter)

    def hold(self, client: str) -> None:
        """One more stream."""
        self._held[client] += 1

    def release(self, client: str) -> None:
        """One less; a reconnecting client may hold its next stream before the last one is seen to end."""
        self._held[client] -= 1
        if self._held[client] <= 0:
            del self._held[client]
            self._drop(client)

    def expect(self, name: str) -> None:
        """A region named under a lease goes again unless the lease is there soon: its client may have died already."""
        client, slash, _ = name.partition("/")
        if slash and client not in self._held:
            region = self.regions.find(name, name)
            asyncio.get_running_loop().call_later(self.grace, self._orphaned, client, region)

    def _orphaned(self, client: str, region: Region) -> None:
        # Only this very region: the name may have been given up and registered anew since.
        if client not in self._held and self.regions.forget(region):
            log.info("a region had no lease", seconds=self.grace)

    def _drop(self, client: str) -> None:
        if client not in self._held and (gone := self.regions.drop(client)):
            log.info("lease ended", regions=gone)

    def __len__(self) -> int:
        return len(self._held)


@dataclass
class SharedMemoryService:
    """The system shared-memory extension: only for this server's own user on this machine."""

    regions: Regions
    leases: Leases
    peers: Peers

    async def SystemSharedMemoryStatus(self, request, context) -> oip.SystemSharedMemoryStatusResponse:
        await self.peers.check(context)
        status = oip.SystemSharedMemoryStatusResponse.RegionStatus
        return oip.SystemSharedMemoryStatusResponse(
            regions={
                region.name: status(name=region.name, key=region.key, offset=region.offset, byte_size=region.size)
                for region in self.regions.status(request.name)
            }
        )

    async def SystemSharedMemoryRegister(self, request, context) -> oip.SystemSharedMemoryRegisterResponse:
        await self.peers.check(context)
        await asyncio.to_thread(self.regions.register, request.name, request.key, request.offset, request.byte_size)
        self.leases.expect(request.name)
        return oip.SystemSharedMemoryRegisterResponse()

    async def SystemSharedMemoryUnregister(self, request, context) -> oip.SystemSharedMemoryUnregisterResponse:
        await self.peers.check(context)
        self.regions.unregister(request.name)
        return oip.SystemSharedMemoryUnregisterResponse()
