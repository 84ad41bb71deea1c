"""Cleanup's network: which pixels are wire, how wide it is and which way it runs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from onelight.tools.cleanup.detect import HAND, MOTION, MULTIPLE, PICTURE

UNSHUFFLE = 2  # the stem looks at blocks of 2 x 2 pixels


class Block(nn.Module):
    """Two convolutions beside an identity path; it starts as the identity."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = _normed(width, width, 3, padding=dilation, dilation=dilation)
        self.second = _normed(width, width, 3, padding=1)
        nn.init.zeros_(self.second[1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(F.relu(x))))


def _normed(*sizes: int, **how: int) -> nn.Sequential:
    """A convolution and its batch normalisation (Ioffe & Szegedy 2015), which a runtime folds into one."""
    return nn.Sequential(nn.Conv2d(*sizes, bias=False, **how), nn.BatchNorm2d(sizes[1]))


class Detector(nn.Module):
    """A matte of wires, their width and tangent; at most 0.4 M parameters.

    A U-Net (Ronneberger et al. 2015) on pixels unshuffled by 2 (Shi et al. 2016); at a sixteenth of the size dilated
    convolutions (Yu & Koltun 2016) see whether a thing goes on as a line.

    Inputs, [B, C, H, W] with H and W multiples of 16:
        picture  3: log2(linear ACEScg / the picture's middle level + 2^-6) / 4
        hand    10: as `detect.hand` makes them: ridges of both signs, their tangents, and local extremes
        motion   2: how far the pixel differs from its neighbours in time, stops, and 1 where that is known
    Outputs: matte [B, 1, H, W], a logit; width [B, 1, H, W], log2 of pixels across; along [B, 2, H, W],
    (cos 2a, sin 2a) of the tangent's angle a, x right, y down, not normalised.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 48, 64)) -> None:
        super().__init__()
        half, quarter, eighth, least = widths
        # 3 x 3 blocks of 2 x 2 pixels each: as a strided convolution, since runtimes are slow to shuffle a whole frame.
        self.stem = _normed(PICTURE + HAND + MOTION, half, 3 * UNSHUFFLE, stride=UNSHUFFLE, padding=UNSHUFFLE)
        self.down = nn.ModuleList(
            [
                nn.Sequential(_normed(half, quarter, 3, stride=2, padding=1), Block(quarter)),
                nn.Sequential(_normed(quarter, eighth, 3, stride=2, padding=1), Block(eighth)),
                nn.Sequential(_normed(eighth, least, 3, stride=2, padding=1), Block(least, 2), Block(least, 4)),
            ]
        )
        self.widen = nn.ModuleList(
            [nn.Conv2d(least, eighth, 1), nn.Conv2d(eighth, quarter, 1), nn.Conv2d(quarter, half, 1)]
        )
        self.up = nn.ModuleList([Block(eighth), Block(quarter), Block(half)])
        self.head = nn.Conv2d(half, 4 * UNSHUFFLE**2, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        bias = torch.zeros(4, UNSHUFFLE**2)
        bias[0], bias[1] = -4.0, 2.0  # hardly anything is wire; four pixels across
        self.head.bias = nn.Parameter(bias.flatten())
        assert MULTIPLE % (UNSHUFFLE * 2 ** len(self.down)) == 0

    def forward(self, picture: Tensor, hand: Tensor, motion: Tensor) -> tuple[Tensor, ...]:
        x = self.stem(torch.cat([picture, hand, motion], dim=1))
        passed = []
        for level in self.down:
            passed.append(x)
            x = level(x)
        for widen, block, skip in zip(self.widen, self.up, reversed(passed), strict=True):
            x = block(F.interpolate(widen(x), scale_factor=2.0, mode="bilinear", align_corners=False) + skip)
        out = F.pixel_shuffle(self.head(F.relu(x)), UNSHUFFLE).float()
        return out[:, :1], out[:, 1:2], out[:, 2:4]
