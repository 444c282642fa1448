// Loads /model.glb with three.js and tells what it found; runs in the browser.
import * as THREE from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';

window.inspect = async (moments) => {
  const gltf = await new GLTFLoader().loadAsync('/model.glb');
  const meshes = [];
  gltf.scene.traverse((object) => { if (object.isSkinnedMesh) meshes.push(object); });
  const mesh = meshes[0];
  const lights = [];
  gltf.scene.traverse((object) => { if (object.isLight) lights.push(object.type); });
  const texture = mesh.material.map;
  const point = new THREE.Vector3();
  const pose = ({ clip, time }) => {
    const mixer = new THREE.AnimationMixer(gltf.scene);
    if (clip !== null) {
      const action = mixer.clipAction(THREE.AnimationClip.findByName(gltf.animations, clip));
      action.setLoop(THREE.LoopOnce);
      action.clampWhenFinished = true;
      action.play();
      mixer.setTime(time);
    }
    gltf.scene.updateMatrixWorld(true);
    const positions = [];
    for (let i = 0; i < mesh.geometry.attributes.position.count; i++) {
      mesh.getVertexPosition(i, point).applyMatrix4(mesh.matrixWorld);
      positions.push(point.x, point.y, point.z);
    }
    mixer.stopAllAction();
    mixer.uncacheRoot(gltf.scene);
    return positions;
  };
  const positions = moments.map(pose);

  const renderer = new THREE.WebGLRenderer({ preserveDrawingBuffer: true });
  renderer.setSize(256, 256);
  document.body.append(renderer.domElement);
  const scene = new THREE.Scene();
  scene.background = new THREE.Color(0, 0, 1);
  scene.add(new THREE.AmbientLight(0xffffff, 3), gltf.scene);
  const box = new THREE.Box3().setFromObject(mesh);
  const size = box.getSize(new THREE.Vector3()).length();
  const centre = box.getCenter(new THREE.Vector3());
  const camera = new THREE.PerspectiveCamera(30, 1, 0.01, 100);
  camera.position.set(centre.x, centre.y, centre.z + 2 * size);
  camera.lookAt(centre);
  renderer.render(scene, camera);
  const pixels = new Uint8Array(256 * 256 * 4);
  const gl = renderer.getContext();
  gl.readPixels(0, 0, 256, 256, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  let drawn = 0;
  for (let i = 0; i < pixels.length; i += 4) if (pixels[i] || pixels[i + 1] || pixels[i + 2] !== 255) drawn++;

  return {
    numSkinnedMeshes: meshes.length,
    boneNames: mesh.skeleton.bones.map((bone) => bone.userData.name ?? bone.name),
    texture: texture === null ? null : { width: texture.image.width, height: texture.image.height },
    material: { roughness: mesh.material.roughness, metalness: mesh.material.metalness, side: mesh.material.side,
      maps: ['map', 'normalMap', 'metalnessMap', 'roughnessMap'].filter((name) => mesh.material[name]) },
    hasTangents: 'tangent' in mesh.geometry.attributes,
    morphs: Object.keys(mesh.morphTargetDictionary ?? {}),
    lights,
    clips: gltf.animations.map((clip) => ({ name: clip.name, duration: clip.duration })),
    extras: gltf.asset.extras,
    drawnShare: drawn / (256 * 256),
    picture: renderer.domElement.toDataURL('image/png'),
    positions,
  };
};
window.isReady = true;
