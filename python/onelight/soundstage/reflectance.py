"""How a surface on the soundstage reflects: Lambert under a GGX coat, with the usual metallic blend.

After Walter et al. 2007, with visible normals sampled after Dupuy and Benyoub 2023. A specular level of 0 is Lambert
to the digit: no coat, and nothing at grazing angles either.
"""

from __future__ import annotations

from typing import Any


class Surface:
    """Lambert under a GGX coat at a vertex, seen from `toward`."""

    def __init__(
        self, dr: Any, mi: Any, normal: Any, toward: Any, colour: Any, alpha: Any, specular: Any, metallic: Any
    ) -> None:
        self.dr, self.mi, self.normal, self.toward, self.alpha = dr, mi, normal, toward, alpha
        self.frame = mi.Frame3f(normal)
        self.up = dr.maximum(dr.dot(normal, toward), 1e-3)
        self.straight = dr.lerp(mi.Color3f(0.08 * specular), colour, metallic)
        self.grazing = dr.clip(self.straight * 50, 0, 1)  # no coat, no reflection at grazing angles either
        self.diffuse = colour * ((1 - metallic) / dr.pi) * (1 - self.fresnel(self.up))
        coat, body = dr.mean(self.fresnel(self.up)), dr.mean(self.diffuse) * dr.pi
        self.share = dr.select(coat > 0, dr.clip(coat / (coat + body + 1e-6), 0.1, 0.95), 0)

    def fresnel(self, cosine: Any) -> Any:
        return self.straight + (self.grazing - self.straight) * (1 - cosine) ** 5

    def facets(self, light: Any) -> tuple[Any, Any, Any, Any]:
        """Distribution, both shadowing terms over the cosines, and the cosine to the half vector."""
        dr, squared = self.dr, self.alpha * self.alpha
        half = dr.normalize(light + self.toward)
        n_l, n_h = dr.maximum(dr.dot(self.normal, light), 1e-4), dr.dot(self.normal, half)
        spread = n_h * n_h * (squared - 1) + 1
        distribution = squared / (dr.pi * spread * spread)
        out, back = (dr.sqrt(squared + (1 - squared) * c * c) for c in (self.up, n_l))
        return distribution, 0.5 / (self.up * back + n_l * out), self.up + out, dr.maximum(dr.dot(light, half), 0)

    def reflected(self, light: Any) -> Any:
        """What goes towards the viewer of light from there, times the cosine."""
        cosine = self.dr.maximum(self.dr.dot(self.normal, light), 0)
        distribution, shadowing, _, along = self.facets(light)
        coat = self.fresnel(along) * (distribution * shadowing)
        return (self.diffuse * (1 - self.fresnel(cosine)) + coat) * cosine

    def sampled(self, uv: Any, choice: Any) -> tuple[Any, Any]:
        """A direction to go on, and its weight: reflected light over the probability."""
        dr, mi, alpha = self.dr, self.mi, self.alpha
        view = self.frame.to_local(self.toward)
        stretched = dr.normalize(mi.Vector3f(view.x * alpha, view.y * alpha, dr.maximum(view.z, 1e-3)))
        z = (1 - uv.y) * (1 + stretched.z) - stretched.z
        sine = dr.safe_sqrt(1 - z * z)
        angle = 2 * dr.pi * uv.x
        cap = mi.Vector3f(sine * dr.cos(angle), sine * dr.sin(angle), z) + stretched
        half = dr.normalize(mi.Vector3f(cap.x * alpha, cap.y * alpha, dr.maximum(cap.z, 1e-6)))
        mirrored = half * (2 * dr.dot(view, half)) - view
        way = dr.select(choice < self.share, mirrored, mi.warp.square_to_cosine_hemisphere(uv))
        above = way.z > 0
        way = self.frame.to_world(way)
        distribution, _, smith, _ = self.facets(way)
        chance = self.share * distribution * 0.5 / smith
        chance += (1 - self.share) * dr.maximum(dr.dot(self.normal, way), 0) / dr.pi
        return way, dr.select(above, self.reflected(way) / dr.maximum(chance, 1e-8), 0)
