"""Relight's network: what a picture shows of its surface, read coarse to fine, each level upon the one before."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

UNSHUFFLE = 4  # the trunk works on blocks of 4 x 4 pixels
MULTIPLE = 16  # height and width must be multiples of this
PICTURE, PRIOR, LIGHT, ASKED = 3, 4, 4, 4


class Block(nn.Module):
    """Two convolutions beside an identity path; it starts as the identity (no normalisation layer is needed then)."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(F.silu(x))))


class Geometry(nn.Module):
    """Normals, affine depth, openness and the reach of any key over a picture; at most 1.4 M parameters.

    A U-Net (Ronneberger et al. 2015) on pixels unshuffled by 4 (Shi et al. 2016), without normalisation layers, with a
    head at half size that sees the pixels again, so that folds survive. Untrained it returns its prior: normals as
    they came (to the camera where there are none), everything open, everything reached by the key.

    Inputs, [B, C, H, W] with H and W multiples of 16:
        picture  3: log2(linear ACEScg / the plate's middle + 2^-6) / 4
        matte    1: +1 inside, -1 outside, 0 where nobody said
        prior    4: normals (x right, y up, z to camera) and depth found at half the size, or the outline's inflation;
                    0 where there is none
        light    [B, 4]: direction to the present key and its share of key + fill; 0 where unknown
        asked    [B, 4]: direction to the key whose reach is asked for, and its angular diameter as `spread` codes it
    Outputs: normals [B, 3, H, W] of length 1; depth [B, 1, H, W], affine, larger is farther, about 0 +- 1;
    openness and reach [B, 1, H, W] in 0..1.
    """

    def __init__(self, widths: tuple[int, int, int] = (64, 96, 128)) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.stem = nn.Conv2d((PICTURE + 1 + PRIOR) * UNSHUFFLE**2 + LIGHT + ASKED, fine, 3, padding=1)
        self.down = nn.ModuleList(
            [
                nn.Sequential(Block(fine)),
                nn.Sequential(nn.Conv2d(fine, middle, 3, stride=2, padding=1), Block(middle)),
                nn.Sequential(nn.Conv2d(middle, coarse, 3, stride=2, padding=1), Block(coarse), Block(coarse, 2)),
            ]
        )
        self.widen = nn.ModuleList([nn.Conv2d(coarse, middle, 1), nn.Conv2d(middle, fine, 1)])
        self.up = nn.ModuleList([Block(middle), Block(fine)])
        self.detail = nn.Conv2d(fine // 4 + 4 * (PICTURE + 1 + PRIOR), 24, 3, padding=1)
        self.refine = Block(24)
        self.head = nn.Conv2d(24, 4 * 6, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(
        self, picture: Tensor, matte: Tensor, prior: Tensor, light: Tensor, asked: Tensor
    ) -> tuple[Tensor, ...]:
        pixels = torch.cat([picture, matte, prior], dim=1)
        blocks = F.pixel_unshuffle(pixels, UNSHUFFLE)
        lamps = torch.cat([light, asked], dim=1)[:, :, None, None]
        x = self.stem(torch.cat([blocks, lamps.expand(-1, -1, blocks.shape[2], blocks.shape[3])], dim=1))
        passed = []
        for level in self.down:
            x = level(x)
            passed.append(x)
        for widen, block, skip in zip(self.widen, self.up, (passed[1], passed[0]), strict=True):
            x = block(F.interpolate(widen(x), scale_factor=2.0, mode="bilinear", align_corners=False) + skip)
        near = torch.cat([F.pixel_shuffle(x, 2), F.pixel_unshuffle(pixels, 2)], dim=1)
        out = F.pixel_shuffle(self.head(F.silu(self.refine(self.detail(near)))), 2).float()
        prior = prior.float()
        towards = prior[:, :3]
        lacking = 1 - towards.square().sum(dim=1, keepdim=True).clamp(0, 1)
        base = towards + torch.cat([torch.zeros_like(towards[:, :2]), lacking], dim=1)
        normals = base + out[:, :3]
        normals = normals * torch.rsqrt(normals.square().sum(dim=1, keepdim=True) + 1e-6)
        depth = prior[:, 3:4] + out[:, 3:4]
        openness, reach = torch.sigmoid(out[:, 4:5] + 3.0), torch.sigmoid(out[:, 5:6] + 3.0)
        return normals, depth, openness, reach
