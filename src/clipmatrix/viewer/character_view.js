// One character in one canvas: its clips, light, floor and camera. Knows nothing of the page around it.
import * as THREE from 'three';
import { GLTFLoader } from './three/loaders/GLTFLoader.js';
import { OrbitControls } from './three/controls/OrbitControls.js';

const FOV_DEG = 28;
const LOOKS = ['textured', 'plain', 'wireframe', 'skeleton'];

export class CharacterView {
  /** `onchange` is called when the camera is moved by hand; `isStill` leaves the character where its clip begins. */
  constructor(canvas, { onchange = () => {}, isStill = false } = {}) {
    this.canvas = canvas;
    this.clips = [];
    this.clip = null;
    this.speed = isStill ? 0 : 1;
    this.isPlaying = !isStill;
    this.isTurning = false;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true, preserveDrawingBuffer: true });
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(FOV_DEG, 1, 0.01, 200);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enableDamping = true;
    this.controls.addEventListener('change', () => { if (!this.isFollowing) onchange(this); });
    this.timer = new THREE.Timer();
    this.#light();
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(canvas.parentElement);
    this.#resize();
    this.renderer.setAnimationLoop(() => this.#draw());
    canvas.addEventListener('keydown', (event) => this.#key(event));
  }

  #light() {
    this.scene.add(new THREE.HemisphereLight(0xffffff, 0x9a948c, 1.7));
    this.key = new THREE.DirectionalLight(0xffffff, 2.2);
    this.key.position.set(-1.6, 2.6, 2.4);
    this.scene.add(this.key);
    const rim = new THREE.DirectionalLight(0xffffff, 0.8);
    rim.position.set(2, 1.5, -2.5);
    this.scene.add(rim);
    // A soft round shadow under the feet, drawn once: it tells where the floor is, at no cost.
    const side = 128;
    const pixels = new Uint8Array(side * side * 4);
    for (let i = 0; i < side * side; i++) {
      const x = (i % side) / (side - 1) * 2 - 1, y = Math.floor(i / side) / (side - 1) * 2 - 1;
      pixels[4 * i + 3] = 64 * Math.max(0, 1 - Math.hypot(x, y)) ** 2;
    }
    const map = new THREE.DataTexture(pixels, side, side);
    map.needsUpdate = true;
    const material = new THREE.MeshBasicMaterial({ map, transparent: true, depthWrite: false });
    this.floor = new THREE.Mesh(new THREE.PlaneGeometry(1, 1), material);
    this.floor.rotation.x = -Math.PI / 2;
    this.floor.visible = false;
    this.scene.add(this.floor);
  }

  /** Shows the GLB at `url` instead of what was shown. */
  async load(url) {
    const gltf = await new GLTFLoader().loadAsync(url);
    this.clear();
    if (this.isDisposed) return;
    this.model = gltf.scene;
    this.meshes = [];
    this.model.traverse((object) => {
      if (!object.isMesh) return;
      // Skinned bounds are those of the bind pose: a jump would make the figure vanish.
      object.frustumCulled = false;
      this.meshes.push({ mesh: object, material: object.material });
    });
    this.scene.add(this.model);
    this.skeleton = new THREE.SkeletonHelper(this.model);
    this.skeleton.visible = false;
    this.scene.add(this.skeleton);
    this.mixer = new THREE.AnimationMixer(this.model);
    this.clips = gltf.animations;
    this.frame();
    this.setLook(this.look ?? 'textured');
    if (this.clips.length) this.play((this.clips.find((clip) => clip.name === 'idle') ?? this.clips[0]).name);
  }

  /** Puts the whole character into the picture, seen from the front. */
  frame() {
    const box = new THREE.Box3().setFromObject(this.model, true);
    const size = box.getSize(new THREE.Vector3()), centre = box.getCenter(new THREE.Vector3());
    const half = Math.max(size.y, size.x * 0.9 / Math.max(this.camera.aspect, 0.2)) / 2;
    const distance = half / Math.tan(FOV_DEG * Math.PI / 360) * 1.18 + size.z / 2;
    this.controls.target.copy(centre);
    this.camera.position.set(centre.x + 0.28 * distance, centre.y + 0.1 * distance, centre.z + 0.95 * distance);
    this.camera.near = distance / 100;
    this.camera.far = distance * 20;
    this.camera.updateProjectionMatrix();
    this.controls.update();
    this.floor.position.set(centre.x, box.min.y + 0.001, centre.z);
    this.floor.scale.setScalar(Math.max(size.x, size.z) * 1.4);
    this.floor.visible = true;
  }

  /** Plays the clip of that name from its beginning; null goes back to the bind pose. */
  play(name) {
    this.mixer?.stopAllAction();
    this.clip = this.clips.find((clip) => clip.name === name) ?? null;
    if (this.clip) this.mixer.clipAction(this.clip).reset().play();
    else this.model?.traverse((object) => object.isSkinnedMesh && object.skeleton.pose());
  }

  /** Seconds into the clip. */
  get time() { return this.clip ? this.mixer.clipAction(this.clip).time : 0; }

  set time(seconds) {
    if (!this.clip) return;
    this.mixer.clipAction(this.clip).time = seconds % this.clip.duration;
    this.mixer.update(0);
  }

  /** textured, plain, wireframe or skeleton. */
  setLook(look) {
    this.look = LOOKS.includes(look) ? look : 'textured';
    for (const { mesh, material } of this.meshes ?? []) {
      if (this.look === 'textured') mesh.material = material;
      else {
        mesh.material = new THREE.MeshStandardMaterial({
          color: this.look === 'skeleton' ? 0x8a8f98 : 0xb9b4ac, roughness: 0.75, wireframe: this.look === 'wireframe',
          transparent: this.look === 'skeleton', opacity: this.look === 'skeleton' ? 0.35 : 1,
        });
      }
    }
    if (this.skeleton) this.skeleton.visible = this.look === 'skeleton';
  }

  /** Looks from where another view looks. */
  follow(other) {
    this.isFollowing = true;
    this.camera.position.copy(other.camera.position);
    this.controls.target.copy(other.controls.target);
    this.controls.update();
    this.isFollowing = false;
  }

  clear() {
    for (const object of [this.model, this.skeleton]) if (object) this.scene.remove(object);
    this.model?.traverse((object) => {
      object.geometry?.dispose();
      for (const value of Object.values(object.material ?? {})) if (value?.isTexture) value.dispose();
      object.material?.dispose?.();
    });
    this.model = this.skeleton = this.mixer = null;
    this.clips = [];
  }

  /** Gives everything back to the graphics card. */
  dispose() {
    this.isDisposed = true;
    this.renderer.setAnimationLoop(null);
    this.observer.disconnect();
    this.clear();
    this.controls.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    if (!width || !height) return;
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
  }

  #draw() {
    this.timer.update();
    const seconds = Math.min(this.timer.getDelta(), 0.1);
    if (this.mixer && this.isPlaying) this.mixer.update(seconds * this.speed);
    if (this.isTurning) this.#turn(seconds * 0.5);
    this.controls.update();
    this.renderer.render(this.scene, this.camera);
  }

  #turn(angle) {
    const arm = this.camera.position.clone().sub(this.controls.target);
    arm.applyAxisAngle(new THREE.Vector3(0, 1, 0), angle);
    this.camera.position.copy(this.controls.target).add(arm);
  }

  #key(event) {
    const step = 0.15;
    const arm = () => this.camera.position.clone().sub(this.controls.target);
    const zoom = (factor) => this.camera.position.copy(this.controls.target).add(arm().multiplyScalar(factor));
    const lift = (angle) => {
      const spherical = new THREE.Spherical().setFromVector3(arm());
      spherical.phi = Math.min(Math.PI - 0.1, Math.max(0.1, spherical.phi + angle));
      this.camera.position.copy(this.controls.target).add(new THREE.Vector3().setFromSpherical(spherical));
    };
    const actions = {
      ArrowLeft: () => this.#turn(-step), ArrowRight: () => this.#turn(step),
      ArrowUp: () => lift(-step), ArrowDown: () => lift(step),
      '+': () => zoom(0.9), '=': () => zoom(0.9), '-': () => zoom(1.1), 0: () => this.model && this.frame(),
      ' ': () => { this.isPlaying = !this.isPlaying; },
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
    this.canvas.dispatchEvent(new CustomEvent('viewkey'));
  }
}
