"""Renders a GLB with Blender's Cycles in its plain base colour; runs in an environment of its own that has bpy.

Arguments: the GLB, the JSON file of shots, and the folder for the pictures 0.png, 1.png ...
"""

import json
import math
import sys
from pathlib import Path

import bpy
from mathutils import Matrix

# glTF is y-up, Blender z-up.
BLENDER_FROM_GLTF = Matrix(((1, 0, 0, 0), (0, 0, -1, 0), (0, 1, 0, 0), (0, 0, 0, 1)))


def pose(armature: bpy.types.Object, clip: str | None, time: float) -> None:
    """Puts the armature at one moment of one action, or into its rest pose."""
    armature.animation_data_clear()
    for bone in armature.pose.bones:
        bone.matrix_basis.identity()
    if clip is not None:
        action = next(action for action in bpy.data.actions if action.name.startswith(clip))
        animation = armature.animation_data_create()
        animation.action = action
        animation.action_slot = action.slots[0]
    frame = time * bpy.context.scene.render.fps / bpy.context.scene.render.fps_base
    bpy.context.scene.frame_set(int(frame), subframe=frame % 1)


def base_colour_only(material: bpy.types.Material) -> None:
    """Makes the material shine in its base colour, whatever the light."""
    tree = material.node_tree
    picture = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED").inputs["Base Color"].links[0]
    emission = tree.nodes.new("ShaderNodeEmission")
    tree.links.new(picture.from_socket, emission.inputs["Color"])
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    tree.links.new(emission.outputs["Emission"], output.inputs["Surface"])


def studio(scene: bpy.types.Scene, size: int, background: float) -> None:
    """Cycles on the CPU, square pictures, sRGB without a film's curve, over an even grey."""
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 16
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 0
    scene.cycles.pixel_filter_type = "BOX"
    scene.render.threads_mode, scene.render.threads = "FIXED", 2
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Standard"
    scene.render.film_transparent = False
    world = bpy.data.worlds.new("studio")
    scene.world = world
    world.use_nodes = True
    linear = ((background + 0.055) / 1.055) ** 2.4
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (linear, linear, linear, 1)


def main() -> None:
    glb, shots, folder = sys.argv[1:]
    asked = json.loads(Path(shots).read_text())
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=glb)
    scene = bpy.context.scene
    studio(scene, asked["size"], asked["background"])
    for material in bpy.data.materials:
        if material.node_tree and any(node.type == "BSDF_PRINCIPLED" for node in material.node_tree.nodes):
            base_colour_only(material)
    armature = next(thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    for index, shot in enumerate(asked["shots"]):
        pose(armature, shot["clip"], shot["time"])
        camera.matrix_world = BLENDER_FROM_GLTF @ Matrix(shot["viewFromWorld"]).inverted()
        camera.data.clip_start, camera.data.clip_end = 0.05, 50
        camera.data.sensor_fit = "VERTICAL"
        camera.data.angle = 2 * math.atan(1 / shot["clipFromView"][1][1])
        scene.render.filepath = str(Path(folder) / f"{index}.png")
        bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    main()
