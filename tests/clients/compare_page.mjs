// Renders /model.glb with three.js as shots ask: one clip at one time, one camera, lit or as plain base colour.
import * as THREE from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';

const rows = (values) => new THREE.Matrix4().set(...values.flat());

window.inspect = async ({ size, background, shots }) => {
  const gltf = await new GLTFLoader().loadAsync('/model.glb');
  const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  renderer.setSize(size, size);
  const scene = new THREE.Scene();
  scene.background = new THREE.Color().setRGB(background, background, background, THREE.SRGBColorSpace);
  scene.add(gltf.scene);
  const white = new THREE.Scene();
  white.background = new THREE.Color(1, 1, 1);
  const surrounding = new THREE.PMREMGenerator(renderer).fromScene(white).texture;
  const sun = new THREE.DirectionalLight(0xffffff, 0);
  scene.add(sun, sun.target);
  const camera = new THREE.PerspectiveCamera();
  camera.matrixAutoUpdate = false;
  const meshes = [];
  gltf.scene.traverse((object) => { if (object.isSkinnedMesh) meshes.push(object); });
  const lit = meshes.map((mesh) => mesh.material);
  const plain = meshes.map((mesh) => new THREE.MeshBasicMaterial({ map: mesh.material.map }));
  const pictures = shots.map((shot) => {
    meshes.forEach((mesh, index) => { mesh.material = (shot.isLit ? lit : plain)[index]; });
    for (const [name, weight] of Object.entries(shot.face ?? {}))
      meshes.forEach((mesh) => { mesh.morphTargetInfluences[mesh.morphTargetDictionary[name]] = weight; });
    const mixer = new THREE.AnimationMixer(gltf.scene);
    if (shot.clip !== null) {
      mixer.clipAction(THREE.AnimationClip.findByName(gltf.animations, shot.clip)).play();
      mixer.setTime(shot.time);
    }
    scene.environment = shot.isLit ? surrounding : null;
    scene.environmentIntensity = shot.ambient;
    // A white matte surface that faces a light of pi is white.
    sun.intensity = shot.key * Math.PI;
    sun.position.set(...shot.keyDirection);
    camera.matrix.copy(rows(shot.viewFromWorld)).invert();
    camera.matrixWorldNeedsUpdate = true;
    camera.projectionMatrix.copy(rows(shot.clipFromView));
    camera.projectionMatrixInverse.copy(camera.projectionMatrix).invert();
    renderer.render(scene, camera);
    const picture = renderer.domElement.toDataURL('image/png');
    mixer.stopAllAction();
    mixer.uncacheRoot(gltf.scene);
    return picture;
  });
  return { pictures };
};
window.isReady = true;
