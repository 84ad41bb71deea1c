"""Relight's network: what a picture shows of its surface, read coarse to fine, each level upon the one before."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

UNSHUFFLE = 4  # the trunk works on blocks of 4 x 4 pixels
MULTIPLE = 16  # height and width must be multiples of this
PICTURE, PRIOR, LIGHT, ASKED = 3, 4, 4, 4
LAMPS = 8  # numbers that the lamps are boiled down to
DOUBT = 0.35  # of a key's light: how far the shading may be off; chosen (docs/training.md), nothing learns it
HEDGE = 0.1  # of a key: light from all round that ratios are taken with, where nothing was learnt of it
MOST = 2.0  # of a key: the largest hedge
ALIGNED = 6  # maps that are seen from the key: the prior and the picture along and across it, how both lamps face


class Block(nn.Module):
    """Two convolutions beside an identity path, scaled by what is known of the lamps; it starts as the identity."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.lamps = nn.Linear(LAMPS, 2 * width)  # feature-wise modulation (Perez et al. 2018)
        _zero(self.second, self.lamps)

    def forward(self, x: Tensor, lamps: Tensor) -> Tensor:
        gain, offset = self.lamps(lamps)[:, :, None, None].chunk(2, dim=1)
        return x + self.second(F.silu(self.first(F.silu(x)) * (1 + gain) + offset))


class Geometry(nn.Module):
    """Normals, affine depth, openness and the reach of any key over a picture; at most 1.4 M parameters.

    A U-Net (Ronneberger et al. 2015) on pixels unshuffled by 4 (Shi et al. 2016), without normalisation layers, with
    two heads at half size that see the pixels again, so that folds survive. One of them sees and gives slopes along
    and across the present key, since shading is to first order the slope along it (Pentland 1990). Untrained it
    returns its prior: normals as they came (to the camera where there are none), everything open, everything reached.

    Inputs, [B, C, H, W] with H and W multiples of 16:
        picture  3: log2(linear ACEScg / the plate's middle + 2^-6) / 4
        matte    1: +1 inside, -1 outside, 0 where nobody said
        prior    4: normals (x right, y up, z to camera) and depth found at half the size, or the outline's inflation;
                    0 where there is none
        light    [B, 4]: direction to the present key and its share of key + fill; 0 where unknown
        asked    [B, 4]: direction to the key whose reach is asked for, and its angular diameter as `spread` codes it
    Outputs: normals [B, 3, H, W] of length 1; depth [B, 1, H, W], affine, larger is farther, about 0 +- 1;
    openness and reach [B, 1, H, W] in 0..1; doubt [B], how far the key's light that follows from them may be off;
    hedge [B, 1, H, W], the share of the key asked for that is added to both shadings before their ratio is taken: more
    where its light is a guess.
    """

    slopes: Tensor
    doubt: Tensor

    def __init__(self, widths: tuple[int, int, int] = (64, 96, 128), relief: int = 24) -> None:
        super().__init__()
        fine, middle, coarse = widths
        pixels = PICTURE + 1 + PRIOR
        self.lamps = nn.Sequential(nn.Linear(LIGHT + ASKED + 3, LAMPS), nn.SiLU())
        self.stem = nn.Conv2d(pixels * UNSHUFFLE**2 + LIGHT + ASKED, fine, 3, padding=1)
        self.aligned = nn.Conv2d(ALIGNED, fine, 3, padding=1)
        self.down = nn.ModuleList(
            [
                nn.ModuleList([Block(fine)]),
                nn.ModuleList([nn.Conv2d(fine, middle, 3, stride=2, padding=1), Block(middle)]),
                nn.ModuleList([nn.Conv2d(middle, coarse, 3, stride=2, padding=1), Block(coarse), Block(coarse, 2)]),
            ]
        )
        self.widen = nn.ModuleList([nn.Conv2d(coarse, middle, 1), nn.Conv2d(middle, fine, 1)])
        self.up = nn.ModuleList([Block(middle), Block(fine)])
        self.detail = nn.Conv2d(fine // 4 + 4 * pixels, 24, 3, padding=1)
        self.refine = Block(24)
        self.head = nn.Conv2d(24, 4 * 6, 3, padding=1)
        self.near = nn.Conv2d(fine // 4 + 4 * (PICTURE + ALIGNED), relief, 3, padding=1)
        self.relief = Block(relief)
        self.slope = nn.Conv2d(relief, 4 * 3, 3, padding=1)
        self.unsure = nn.Conv2d(24, 1, 3, padding=1)
        _zero(self.aligned, self.head, self.slope, self.unsure)
        nn.init.constant_(self.unsure.bias, math.log(HEDGE / (MOST - HEDGE)))  # type: ignore[arg-type]
        self.register_buffer("doubt", torch.full((1,), DOUBT))
        across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
        self.register_buffer("slopes", torch.stack([across, -across.T])[:, None] / 2, persistent=False)  # right, up

    def forward(
        self, picture: Tensor, matte: Tensor, prior: Tensor, light: Tensor, asked: Tensor
    ) -> tuple[Tensor, ...]:
        along = towards(light)
        pixels = torch.cat([picture, matte, prior], dim=1)
        aligned = self.seen_from_key(picture, prior, light, asked, along)
        lamps = torch.cat([light, asked], dim=1)
        known = self.lamps(torch.cat([lamps, turned(asked[:, :2], along), asked[:, 2:3] * light[:, 2:3]], dim=1))
        blocks = F.pixel_unshuffle(pixels, UNSHUFFLE)
        lamps = lamps[:, :, None, None].expand(-1, -1, blocks.shape[2], blocks.shape[3])
        x = self.stem(torch.cat([blocks, lamps], dim=1)) + self.aligned(F.avg_pool2d(aligned, UNSHUFFLE))
        passed = []
        for level in self.down:
            for layer in level.children():
                x = layer(x, known) if isinstance(layer, Block) else layer(x)
            passed.append(x)
        for widen, block, skip in zip(self.widen, self.up, (passed[1], passed[0]), strict=True):
            x = block(F.interpolate(widen(x), scale_factor=2.0, mode="bilinear", align_corners=False) + skip, known)
        x = F.pixel_shuffle(x, 2)
        near = self.detail(torch.cat([x, F.pixel_unshuffle(pixels, 2)], dim=1))
        near = F.silu(self.refine(near, known))
        out = F.pixel_shuffle(self.head(near), 2).float()
        unsure = F.interpolate(self.unsure(near).float(), scale_factor=2.0, mode="bilinear", align_corners=False)
        near = self.near(torch.cat([x, F.pixel_unshuffle(torch.cat([picture, aligned], dim=1), 2)], dim=1))
        slope = F.pixel_shuffle(self.slope(F.silu(self.relief(near, known))), 2).float()
        prior = prior.float()
        lacking = 1 - prior[:, :3].square().sum(dim=1, keepdim=True).clamp(0, 1)
        back = along.float() * torch.tensor([1.0, -1.0], device=along.device)
        tilt = torch.cat([turned(slope[:, :2], back), lacking], dim=1)
        normals = prior[:, :3] + out[:, :3] + tilt
        normals = normals * torch.rsqrt(normals.square().sum(dim=1, keepdim=True) + 1e-6)
        depth = prior[:, 3:4] + out[:, 3:4]
        openness, reach = torch.sigmoid(out[:, 4:5] + 3.0), torch.sigmoid(out[:, 5:6] + slope[:, 2:3] + 3.0)
        return normals, depth, openness, reach, self.doubt.expand(len(picture)), MOST * torch.sigmoid(unsure)

    def seen_from_key(self, picture: Tensor, prior: Tensor, light: Tensor, asked: Tensor, along: Tensor) -> Tensor:
        """[B, ALIGNED, H, W]: slopes of prior and picture along and across the key, and how the prior faces both."""
        bright = F.pad(picture.mean(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        changes = turned(F.conv2d(bright, self.slopes.to(bright.dtype)), along)
        facing = [(prior[:, :3] * lamp[:, :3, None, None]).sum(dim=1, keepdim=True) for lamp in (light, asked)]
        return torch.cat([turned(prior[:, :2], along), changes, *facing], dim=1)


def towards(light: Tensor) -> Tensor:
    """The key's direction on the picture plane, of length 1 [B, 2]; to the right where it has none."""
    flat = light[:, :2]
    length = flat.square().sum(dim=1, keepdim=True).sqrt()
    known = (length > 1e-3).to(flat.dtype)
    rest = torch.cat([1 - known, torch.zeros_like(known)], dim=1)
    return known * flat / (length + 1e-6) + rest


def turned(vectors: Tensor, along: Tensor) -> Tensor:
    """Vectors [B, 2, ...] as seen from a frame whose first axis is `along` [B, 2]."""
    x, y = vectors[:, :1], vectors[:, 1:2]
    shape = (-1, 1) + (1,) * (vectors.ndim - 2)
    u, v = along[:, 0].view(shape), along[:, 1].view(shape)
    return torch.cat([x * u + y * v, y * u - x * v], dim=1)


def _zero(*layers: nn.Module) -> None:
    """Layers that say nothing until they have learnt."""
    for layer in layers:
        nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
