"""Imports a GLB into Blender and writes what it found as JSON; runs in an environment of its own that has bpy.

Arguments: the GLB, the JSON file to write, the moments to pose as JSON: [{"clip": ..., "time": ...}], and a GLB to
export again with a joint that was turned by hand.
"""

import json
import math
import sys

import bpy


def evaluated_positions(mesh_object: bpy.types.Object) -> list[float]:
    """The posed vertices in glTF's axes, three numbers each."""
    posed = mesh_object.evaluated_get(bpy.context.evaluated_depsgraph_get())
    positions: list[float] = []
    for vertex in posed.data.vertices:
        x, y, z = posed.matrix_world @ vertex.co
        # Blender is z-up.
        positions += [x, z, -y]
    return positions


def play(armature: bpy.types.Object, clip: str | None, time: float) -> None:
    """Puts the armature at one moment of one action, or into its rest pose."""
    armature.animation_data_clear()
    for bone in armature.pose.bones:
        bone.matrix_basis.identity()
    if clip is not None:
        # The importer adds the object's name where several objects share an animation.
        action = next(action for action in bpy.data.actions if action.name.startswith(clip))
        animation = armature.animation_data_create()
        animation.action = action
        animation.action_slot = action.slots[0]
    frame = time * bpy.context.scene.render.fps / bpy.context.scene.render.fps_base
    bpy.context.scene.frame_set(int(frame), subframe=frame % 1)


def export_turned(glb: str, path: str) -> str:
    """Imports the file afresh, turns a joint that no clip moves, exports everything, and tells the joint's name."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=glb)
    armature = next(thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    moved = {
        curve.data_path
        for action in bpy.data.actions
        for layer in action.layers
        for strip in layer.strips
        for bag in strip.channelbags
        for curve in bag.fcurves
    }
    bone = next(bone for bone in armature.pose.bones if not any(f'"{bone.name}"' in path for path in moved))
    bone.rotation_mode = "XYZ"
    bone.rotation_euler = (math.pi / 2, 0, 0)
    bpy.context.view_layer.update()
    bpy.ops.export_scene.gltf(
        filepath=path, export_format="GLB", export_current_frame=True, export_rest_position_armature=False
    )
    return bone.name


def main() -> None:
    glb, answer, moments, again = sys.argv[1:]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=glb)
    armatures = [thing for thing in bpy.data.objects if thing.type == "ARMATURE"]
    meshes = [thing for thing in bpy.data.objects if thing.type == "MESH" and thing.vertex_groups]
    positions = []
    for moment in json.loads(moments):
        play(armatures[0], moment["clip"], moment["time"])
        positions.append(evaluated_positions(meshes[0]))
    found = {
        "numArmatures": len(armatures),
        "boneNames": [bone.name for bone in armatures[0].data.bones],
        "boneParents": {bone.name: bone.parent.name if bone.parent else None for bone in armatures[0].data.bones},
        "numMeshes": len(meshes),
        "numVertices": len(meshes[0].data.vertices),
        "groupNames": [group.name for group in meshes[0].vertex_groups],
        "uvLayers": [layer.name for layer in meshes[0].data.uv_layers],
        "imageSizes": [list(image.size) for image in bpy.data.images if image.size[0] > 0 and image.packed_file],
        "actionNames": sorted(action.name for action in bpy.data.actions),
        "positions": positions,
    }
    found["shapeKeys"] = [key.name for key in meshes[0].data.shape_keys.key_blocks] if meshes[0].data.shape_keys else []
    found["turned"] = export_turned(glb, again)
    with open(answer, "w", encoding="utf-8") as stream:
        json.dump(found, stream)


if __name__ == "__main__":
    main()
